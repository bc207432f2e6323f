//! What a path is to servers that read it otherwise than the gateway: many decode it, join its slashes or drop what
//! stands behind a semicolon before they look who serves it.

use percent_encoding::percent_decode_str;

/// A path that is encoded more often than this is none that a server takes.
const MOST_OFTEN: usize = 8;

/// A path as the most lenient server reads it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Spelling {
    /// In lower case: decoded, without empty segments, parameters, blanks and what a query or a fragment would be.
    pub(crate) path: String,
    /// It leads upwards, or stays where it is.
    pub(crate) has_dots: bool,
    /// A segment of it is empty.
    pub(crate) has_gaps: bool,
}

impl Spelling {
    pub(crate) fn of(path: &str) -> Self {
        let decoded = decoded(path);
        let path = decoded.split(['?', '#', '\0']).next().unwrap_or_default();
        let mut segments: Vec<String> = Vec::new();
        let (mut has_dots, mut has_gaps) = (false, false);
        for segment in path.trim_start_matches('/').split(['/', '\\']) {
            let named = segment.split(';').next().unwrap_or_default();
            let named = named.trim_matches(|letter: char| letter.is_whitespace() || letter.is_control());
            match named {
                "" => has_gaps = true,
                "." => has_dots = true,
                ".." => {
                    has_dots = true;
                    segments.pop();
                }
                named => segments.push(named.to_ascii_lowercase()),
            }
        }
        Self { path: format!("/{}", segments.join("/")), has_dots, has_gaps: has_gaps || path.starts_with("//") }
    }
}

fn decoded(path: &str) -> String {
    let mut path = path.to_owned();
    for _ in 0..MOST_OFTEN {
        let next = percent_decode_str(&path).decode_utf8_lossy().into_owned();
        if next == path {
            break;
        }
        path = next;
    }
    path
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_one_form_however_it_is_spelt() {
        for path in [
            "/v1/chat/completions",
            "/v1/%63hat/completions",
            "/v1/%2563hat/completions",
            "/v1/chat/completions/",
            "//v1///chat/completions",
            "/v1%2Fchat%2fcompletions",
            "/v1\\chat\\completions",
            "/v1/chat;a=b/completions;c",
            "/V1/Chat/Completions",
            "/v1/chat/completions%20",
            "/v1/chat/completions%00.txt",
            "/v1/chat/completions%3Fa=b",
        ] {
            let Spelling { path: form, has_dots, has_gaps } = Spelling::of(path);
            assert_eq!((&*form, has_dots), ("/v1/chat/completions", false), "{path}");
            assert_eq!(has_gaps, path.contains("//") || path.ends_with('/'), "{path}");
        }
    }

    #[test]
    fn a_path_that_leads_upwards_is_told_from_one_with_dots_in_a_name() {
        for path in ["/v1/files/../chat/completions", "/v1/files/%2e%2E/chat", "/v1/./chat", "/v1/a%2F..%2Fb"] {
            assert!(Spelling::of(path).has_dots, "{path}");
        }
        assert!(!Spelling::of("/v1/models/gpt-4.1..mini").has_dots);
        assert_eq!(Spelling::of("/../../x").path, "/x");
    }
}
