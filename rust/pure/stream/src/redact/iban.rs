//! International bank account numbers, ISO 13616: two letters of the country, two check digits, the account.

/// Length by country, from the registry of IBAN formats.
const LENGTHS: [(&[u8; 2], u8); 89] = [
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

/// Whether `text` is one, whatever parts its groups.
pub(super) fn is_valid(text: &[u8]) -> bool {
    missing(text) == Some(0) && remainder(text, None) == 1
}

/// Whether characters that come could make `text` one. Two or more always can: two digits give every remainder.
pub(super) fn could_be_valid(text: &[u8]) -> bool {
    match missing(text) {
        None | Some(0) => false,
        Some(1) => (b'0'..=b'9').chain(b'A'..=b'Z').any(|last| remainder(text, Some(last)) == 1),
        Some(_) => true,
    }
}

/// How many characters are missing; `None` where the country is unknown or the text too long.
fn missing(text: &[u8]) -> Option<usize> {
    let country = [text.first()?.to_ascii_uppercase(), text.get(1)?.to_ascii_uppercase()];
    let length = LENGTHS.iter().find(|(name, _)| **name == country).map(|(_, length)| usize::from(*length))?;
    length.checked_sub(symbols(text).count())
}

fn symbols(text: &[u8]) -> impl Iterator<Item = u8> {
    text.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_uppercase)
}

/// The number's remainder of 97, with its first four characters behind the rest and letters as 10 to 35.
fn remainder(text: &[u8], last: Option<u8>) -> u32 {
    symbols(text).skip(4).chain(last).chain(symbols(text).take(4)).fold(0, |sum, symbol| match symbol {
        b'0'..=b'9' => (sum * 10 + u32::from(symbol - b'0')) % 97,
        _ => (sum * 100 + u32::from(symbol.saturating_sub(b'A')) + 10) % 97,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_the_registry_are_valid() {
        let valid: [&[u8]; 4] = [
            b"GB29 NWBK 6016 1331 9268 19",
            b"DE89370400440532013000",
            b"NO9386011117947",
            b"FR1420041010050500013M02606",
        ];
        assert!(valid.iter().all(|text| is_valid(text)));
    }

    #[test]
    fn a_changed_digit_a_missing_one_and_an_unknown_country_are_not() {
        let wrong: [&[u8]; 4] = [
            b"DE89370400440532013001",
            b"DE8937040044053201300",
            b"DE893704004405320130000",
            b"ZZ89370400440532013000",
        ];
        assert!(!wrong.iter().any(|text| is_valid(text)));
    }

    #[test]
    fn one_missing_character_must_exist() {
        let whole = b"DE89370400440532013000";
        assert!(could_be_valid(&whole[..21]));
        let hopeless = (0..100u32)
            .map(|digits| format!("DE{digits:02}37040044053201300"))
            .filter(|text| !could_be_valid(text.as_bytes()))
            .count();
        assert!(hopeless > 0 && hopeless < 100);
        assert!(!could_be_valid(whole));
    }
}
