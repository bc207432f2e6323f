//! What leads to a text and is none of it.

use super::{Output, Redactor};
use crate::redact::table::Table;

impl Redactor {
    /// A text is about to begin that is the value of `name`: a match may begin in `name=` or `name: `, and then what of it
    /// stands in the text is replaced.
    pub(in crate::redact) fn lead(&mut self, name: &str) {
        for separator in ["=", ": "] {
            if self.read_lead([name, separator]) {
                return;
            }
            // The text begins here, for rules that look at that.
            self.before = None;
            self.behind = Table::TEXT;
        }
    }

    /// A text is about to begin that goes on with one whose end passed already: the same for a match that began in `end`.
    pub(in crate::redact) fn go_on(&mut self, end: &str) {
        self.read_lead([end, ""]);
    }

    /// Whether a match may have begun in what leads to the next text.
    fn read_lead(&mut self, lead: [&str; 2]) -> bool {
        self.text.extend(lead);
        self.lead = self.text.len();
        let mut output = Output { released: &mut String::new(), redactions: &mut Vec::new() };
        self.read(&mut output, false);
        self.release(&mut output);
        !self.threads.is_empty()
    }
}
