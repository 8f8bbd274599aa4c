//! Players: what each receives from a URL.
