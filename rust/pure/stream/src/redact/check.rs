//! What a match must pass beside its pattern, so that not every long number is a card.

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::DecodePaddingMode::Indifferent;
use base64::engine::GeneralPurpose;
use base64::engine::general_purpose::GeneralPurposeConfig;

use super::iban;

/// A check of a match's text. Its rule has a longest match, so that the text is at hand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Check {
    /// HTTP's `Basic` and base64 that stands for `user:password`.
    Basic,
    /// Country, its length, and the remainder of 97.
    Iban,
    /// The last digit of a card's number.
    Luhn,
    /// Every match counts.
    #[default]
    None,
}

impl Check {
    /// Whether `text`, which the pattern matches, passes.
    pub(super) fn passes(self, text: &[u8]) -> bool {
        match self {
            Self::Basic => credentials(text).is_some_and(|user| user.contains(':')),
            Self::Iban => iban::is_valid(text),
            Self::Luhn => luhn(text),
            Self::None => true,
        }
    }

    /// Whether a longer text that begins with `text`, and that the pattern matches, could pass.
    pub(super) fn could_pass(self, text: &[u8]) -> bool {
        match self {
            Self::Basic => !text.iter().any(u8::is_ascii_whitespace) || credentials(text).is_some(),
            Self::Iban => text.len() < 2 || iban::could_be_valid(text),
            // Some last digit always fits.
            Self::Luhn | Self::None => true,
        }
    }
}

fn luhn(text: &[u8]) -> bool {
    let digits = text.iter().rev().filter(|byte| byte.is_ascii_digit()).map(|byte| u32::from(byte - b'0'));
    let sum: u32 = digits
        .enumerate()
        .map(|(at, digit)| match (at % 2 == 1, digit) {
            (false, digit) => digit,
            (true, digit) if digit > 4 => digit * 2 - 9,
            (true, digit) => digit * 2,
        })
        .sum();
    sum.is_multiple_of(10)
}

const BASE64: GeneralPurpose =
    GeneralPurpose::new(&STANDARD, GeneralPurposeConfig::new().with_decode_padding_mode(Indifferent));

/// What the base64 behind the scheme's name stands for as far as it is whole; `None` where that is no printable text.
fn credentials(text: &[u8]) -> Option<String> {
    let token = text.rsplit(|byte| byte.is_ascii_whitespace()).next()?;
    let whole = if token.ends_with(b"=") { token.len() } else { token.len() / 4 * 4 };
    let decoded = BASE64.decode(token.get(..whole)?).ok()?;
    let text = match std::str::from_utf8(&decoded) {
        Ok(text) => text,
        // The last character may go on.
        Err(error) if error.error_len().is_none() => std::str::from_utf8(decoded.get(..error.valid_up_to())?).ok()?,
        Err(_) => return None,
    };
    (!text.chars().any(char::is_control)).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use crate::redact::{Rule, RuleSet};

    #[test]
    fn a_checked_rule_finds_alone_what_it_is_for() {
        let texts = [
            ("iban", "", "DE89370400440532013000"),
            ("card", "", "4111111111111111"),
            ("basic_credentials", "Basic ", "dTpwYXNzd29yZA=="),
        ];
        for (name, before, secret) in texts {
            let rules = Arc::new(RuleSet::new(&[Rule::built_in(name).unwrap()]).unwrap());
            assert_eq!(rules.redact(&format!("{before}{secret}")), format!("{before}[{}]", name.to_uppercase()));
        }
    }
}
