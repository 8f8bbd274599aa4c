//! Which of several formats a client wants (RFC 9110 §12.5.1).

use std::sync::Arc;

use crate::shared::Mounted;

/// Other names of types, as clients still use them.
const ALIASES: [(&str, &str); 8] = [
    ("audio/mp3", "audio/mpeg"),
    ("audio/mpeg3", "audio/mpeg"),
    ("audio/aacp", "audio/aac"),
    ("audio/x-aac", "audio/aac"),
    ("application/ogg", "audio/ogg"),
    ("audio/opus", "audio/ogg"),
    ("audio/x-flac", "audio/flac"),
    ("audio/x-wav", "audio/wav"),
];

/// The best of these by an `Accept`; of equals the first. `None` where none is wanted.
pub(crate) fn choose<'a>(accept: &str, mounts: &[&'a Arc<Mounted>]) -> Option<&'a Arc<Mounted>> {
    let wishes: Vec<_> = accept.split(',').filter_map(Wish::parse).collect();
    let mut best: Option<(&Arc<Mounted>, f32)> = None;
    for mounted in mounts {
        let quality = quality(&wishes, mounted.content_type());
        if quality > best.map_or(0.0, |(_, best)| best) {
            best = Some((mounted, quality));
        }
    }
    best.map(|(mounted, _)| mounted)
}

struct Wish {
    kind: String,
    quality: f32,
}

impl Wish {
    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(';').map(str::trim);
        let kind = parts.next().filter(|kind| kind.contains('/'))?.to_ascii_lowercase();
        let kind =
            ALIASES.iter().find(|(alias, _)| *alias == kind).map_or(kind, |(_, name)| (*name).to_string());
        let quality = parts.find_map(|part| part.strip_prefix("q="));
        let quality: f32 = quality.map_or(Some(1.0), |quality| quality.trim().parse().ok())?;
        Some(Self { kind, quality: quality.clamp(0.0, 1.0) })
    }

    /// How exactly it names a type: not at all, `*/*`, `audio/*`, or that very one.
    fn names(&self, kind: &str) -> u8 {
        let family = |kind: &str| kind.split('/').next().map(str::to_string);
        match self.kind.as_str() {
            exact if exact == kind => 3,
            any if any.ends_with("/*") && family(any) == family(kind) => 2,
            "*/*" => 1,
            _ => 0,
        }
    }
}

fn quality(wishes: &[Wish], kind: &str) -> f32 {
    let best = wishes.iter().max_by_key(|wish| wish.names(kind)).filter(|wish| wish.names(kind) > 0);
    best.map_or(0.0, |wish| wish.quality)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_most_exact_wish_counts() {
        let of = |accept: &str, kind: &str| {
            quality(&accept.split(',').filter_map(Wish::parse).collect::<Vec<_>>(), kind)
        };
        let browser = "text/html,application/xhtml+xml,*/*;q=0.8";
        assert_eq!((of(browser, "audio/mpeg"), of("audio/*;q=0.5, */*;q=0.1", "audio/ogg")), (0.8, 0.5));
        assert_eq!(
            (of("audio/ogg;q=0, audio/*", "audio/ogg"), of("audio/ogg;q=0, audio/*", "audio/mpeg")),
            (0.0, 1.0)
        );
        assert_eq!(
            (of("audio/mp3", "audio/mpeg"), of("video/*", "audio/mpeg"), of("", "audio/mpeg")),
            (1.0, 0.0, 0.0)
        );
    }
}
