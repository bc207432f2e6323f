/// Takes what a [`Redactor`](super::Redactor) decides, in the order of the text.
pub trait Release {
    /// Text that is no part of a match.
    fn text(&mut self, text: &str);

    /// What stands in the place of a match that begins here.
    fn replacement(&mut self, text: &str);

    /// The next text of that match, which goes no further.
    fn secret(&mut self, text: &str);
}

impl Release for String {
    fn text(&mut self, text: &str) {
        self.push_str(text);
    }

    fn replacement(&mut self, text: &str) {
        self.push_str(text);
    }

    fn secret(&mut self, _: &str) {}
}
