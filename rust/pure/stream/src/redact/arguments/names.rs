//! The names of members in JSON text that comes in pieces.

/// Bytes of a member's name that lead to its value at most.
const LONGEST_NAME: usize = 256;

/// Which strings are names of members, and the name that the next value has. An array's own name is that of its elements.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub(super) name: String,
    /// The current string is a name.
    pub(super) is_name: bool,
    /// The next one is.
    is_next: bool,
    /// A bit for each open bracket, the innermost lowest: whether it is an object's.
    objects: u64,
}

crate::keep::keep!(struct Names { name, is_name, is_next, objects });

impl Names {
    /// A string begins; whether it is a name.
    pub(super) fn begins(&mut self) -> bool {
        self.is_name = std::mem::take(&mut self.is_next);
        if self.is_name {
            self.name.clear();
        }
        self.is_name
    }

    /// Reads a character between strings.
    pub(super) fn read(&mut self, between: char) {
        match between {
            '{' | '[' => {
                self.objects = self.objects << 1 | u64::from(between == '{');
                self.is_next = between == '{';
            }
            '}' | ']' => {
                self.objects >>= 1;
                self.is_next = false;
            }
            ',' => self.is_next = self.objects & 1 == 1,
            _ => {}
        }
        if matches!(between, '{' | '}') {
            self.name.clear();
        }
    }

    pub(super) fn add(&mut self, text: &str) {
        if self.name.len() + text.len() > LONGEST_NAME {
            self.name.clear();
        }
        if text.len() <= LONGEST_NAME {
            self.name.push_str(text);
        }
    }

    pub(super) fn clear(&mut self) {
        self.name.clear();
        (self.is_name, self.is_next, self.objects) = (false, false, 0);
    }
}
