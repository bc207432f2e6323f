//! Where data stands between brackets outside a fence: an array, an object, the body of a function.

/// A string so long holds prose, or a file.
const STRING: u32 = 120;

/// Follows the brackets of one text, character by character. An empty line ends them all.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Brackets {
    depth: u32,
    /// A bracket was opened, and what follows tells whether it holds data.
    opened: bool,
    /// The line so far is white.
    white: bool,
    /// Characters since the quotation mark that opened a string.
    string: Option<u32>,
    escaped: bool,
}

impl Brackets {
    /// Whether the text is data between brackets.
    pub(super) fn data(&self) -> bool {
        self.depth > 0 && self.string.is_none_or(|length| length < STRING)
    }

    #[inline]
    pub(super) fn push(&mut self, character: char) {
        let special = matches!(character, '[' | '{' | ']' | '}' | '"' | '\\' | '\n');
        if self.depth > 0 || self.opened || special {
            self.read(character);
        }
    }

    fn read(&mut self, character: char) {
        if character == '\n' {
            self.end_line();
            return;
        }
        self.white &= character.is_whitespace();
        // `[false, ` holds data, `[sighs] ` does not.
        if self.opened && character != ' ' && !character.is_ascii_lowercase() {
            self.opened = false;
            self.depth += u32::from(matches!(character, '"' | '\'' | '-' | '[' | '{' | ',' | '0'..='9'));
        }
        match self.string {
            Some(_) if self.escaped => self.escaped = false,
            Some(_) if character == '"' => self.string = None,
            Some(length) => {
                self.escaped = character == '\\';
                self.string = Some(length + 1);
            }
            None => self.outside(character),
        }
    }

    fn outside(&mut self, character: char) {
        match character {
            '"' if self.depth > 0 => self.string = Some(0),
            '[' | '{' => self.opened = true,
            ']' | '}' => self.depth = self.depth.saturating_sub(1),
            _ => {}
        }
    }

    fn end_line(&mut self) {
        if self.white {
            *self = Self::default();
        }
        self.depth += u32::from(self.opened);
        (self.opened, self.white) = (false, true);
    }
}

crate::keep::keep!(struct Brackets { depth, opened, white, string, escaped });

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the text ends in data.
    fn data(text: &str) -> bool {
        let mut brackets = Brackets::default();
        text.chars().for_each(|character| brackets.push(character));
        brackets.data()
    }

    #[test]
    fn arrays_objects_and_bodies_are_data() {
        for text in [
            "[0.0, 0.0",
            "{\"a\": 1",
            "int a[] = {\n  0x00,",
            "x = [[1, 2], [3",
            "fn f() {\n    g();",
            "[ -1",
            "[null, null",
        ] {
            assert!(data(text), "{text}");
        }
    }

    #[test]
    fn links_remarks_and_what_was_closed_are_not() {
        for text in ["see [this page](", "[sighs] I", "{\"a\": 1} and", "[1] Smith", "{x} is", "[1, 2]\n"] {
            assert!(!data(text), "{text}");
        }
    }

    #[test]
    fn an_empty_line_ends_them() {
        assert!(!data("{\n  \"a\": 1,\n\nThen"));
        assert!(!data("[0,\n  \nThen"));
    }

    #[test]
    fn a_long_string_is_prose() {
        let said = "I am done. ".repeat(20);
        assert!(!data(&format!("{{\"text\": \"{said}")));
        assert!(data(&format!("{{\"text\": \"{said}\", \"more\": ")));
        assert!(data("{\"text\": \"a \\\"quoted"));
    }
}
