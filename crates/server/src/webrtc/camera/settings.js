// The settings of a task, drawn as it declares them.

/** Draws a task's settings into `place`; `changed` is told each new value. */
export function drawSettings(place, task, changed) {
  place.querySelectorAll("label").forEach((label) => label.remove());
  for (const setting of task.settings) {
    const label = document.createElement("label");
    const title = document.createElement("span");
    title.textContent = setting.title;
    label.append(title);
    const control = setting.choices ? selector(setting) : slider(setting, title);
    control.name = setting.name;
    control.addEventListener("input", () => changed(setting.name, control.value));
    label.append(control);
    place.append(label);
  }
}

/** What stands there now, by name. */
export function settingsIn(place) {
  const controls = [...place.elements].filter((control) => control.name);
  return Object.fromEntries(controls.map((control) => [control.name, control.value]));
}

function selector(setting) {
  const control = document.createElement("select");
  for (const choice of setting.choices) control.add(new Option(choice.title, choice.name));
  return control;
}

function slider(setting, title) {
  const control = document.createElement("input");
  control.type = "range";
  [control.min, control.max, control.step, control.value] = [setting.least, setting.most, setting.step, setting.start];
  const value = document.createElement("output");
  const show = () => { value.textContent = ` ${control.value}`; };
  control.addEventListener("input", show);
  show();
  title.append(value);
  return control;
}
