//! Options of `brooklet play`, as ffplay has them.

use crate::args::flag::{Choices, Flag};

pub(super) const FLAGS: &[Flag] = &[
    Flag::play("nodisp", |play, given| {
        play.no_display = given.on;
        Ok(())
    })
    .help("no window: sound alone"),
    Flag::play("autoexit", |play, given| {
        play.auto_exit = given.on;
        Ok(())
    })
    .help("end with the media; without it the window stays until it is closed"),
    Flag::play("volume", |play, given| {
        let volume = given.number()?;
        let volume = given.read(Some(volume).filter(|volume| (0.0..=100.0).contains(volume)), "0 to 100")?;
        play.volume = volume as f32 / 100.0;
        Ok(())
    })
    .value("N")
    .help("how loud, from 0 to 100: 100"),
    Flag::play("loop", |play, given| {
        // ffplay counts how often it is played, 0 for ever; an input how often it begins again, -1 for ever.
        play.input.loops =
            given.count::<u32>()?.checked_sub(1).map_or(-1, |again| again.min(i32::MAX as u32) as i32);
        Ok(())
    })
    .value("N")
    .help("how often it is played; 0 is for ever"),
    Flag::play("fs", |play, given| {
        play.fullscreen = given.on;
        Ok(())
    })
    .help("the window fills the screen; F does the same"),
    Flag::play("x", |play, given| {
        play.size.0 = Some(given.positive()?);
        Ok(())
    })
    .value("N")
    .help("width of the window in pixels"),
    Flag::play("y", |play, given| {
        play.size.1 = Some(given.positive()?);
        Ok(())
    })
    .value("N")
    .help("height of the window in pixels"),
    Flag::play("left", |play, given| {
        play.position.get_or_insert_default().0 = given.signed()?;
        Ok(())
    })
    .value("N")
    .help("pixels from the left side of the screen to the window"),
    Flag::play("top", |play, given| {
        play.position.get_or_insert_default().1 = given.signed()?;
        Ok(())
    })
    .value("N")
    .help("pixels from the upper side of the screen to the window"),
    Flag::play("noborder", |play, given| {
        play.borderless = given.on;
        Ok(())
    })
    .help("a window without a frame"),
    Flag::play("window_title", |play, given| {
        play.title = Some(given.value.clone());
        Ok(())
    })
    .value("TITLE")
    .help("what stands over the window: the URL"),
    Flag::play("speaker", |play, given| {
        play.speaker = Some(given.value.clone()).filter(|name| name != "default");
        Ok(())
    })
    .value("NAME")
    .help("the device that sound is played on: default"),
    Flag::play("sync", |play, given| {
        let follow = match given.value.as_str() {
            "audio" => Some(true),
            "ext" => Some(false),
            _ => None,
        };
        play.follow_sound = given.read(follow, "audio, or ext")?;
        Ok(())
    })
    .value("audio|ext")
    .choices(Choices::Words(&["audio", "ext"]))
    .help("what pictures follow: the sound that is heard, or the time that passes (ext)"),
    Flag::play("vf", |play, given| {
        play.video_filters = Some(given.value.clone());
        Ok(())
    })
    .value("FILTERS")
    .help("filters for the pictures: hflip,hue=s=0"),
    Flag::play("af", |play, given| {
        play.audio_filters = Some(given.value.clone());
        Ok(())
    })
    .value("FILTERS")
    .help("filters for the sound: volume=0.5"),
];
