//! Numbers of accounts, cards and telephones. Their groups may be parted by spaces and hyphens that do not break lines.

use super::built_in::EDGE;
use super::rule::Part;

/// As banks print it, in groups of any size.
pub(super) const IBAN: &str = r"[A-Z]{2}[0-9]{2}(?:[ \-\u{a0}\u{202f}\u{2011}]?[A-Z0-9]){11,29}\b";

/// In small letters, in groups of four: words are no account.
pub(super) const IBAN_SMALL: &str =
    r"[a-z]{2}[0-9]{2}(?:[ \-\u{a0}\u{202f}\u{2011}]?[a-z0-9]{4}){2,7}(?:[ \-\u{a0}\u{202f}\u{2011}]?[a-z0-9]{1,3})?\b";

/// Visa, Mastercard, American Express, Diners Club, Discover, JCB, UnionPay, Mir; their lengths, single separators.
const CARD: &str = r"(?x)(?:
    4[0-9]{3}(?:[\ \-\u{a0}\u{202f}\u{2011}]?[0-9]){9}(?:(?:[\ \-\u{a0}\u{202f}\u{2011}]?[0-9]){3}){0,2}
    | (?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)(?:[\ \-\u{a0}\u{202f}\u{2011}]?[0-9]){12}
    | 3[47][0-9]{2}(?:[\ \-\u{a0}\u{202f}\u{2011}]?[0-9]){11}
    | 3(?:0[0-5]|[68][0-9])[0-9](?:[\ \-\u{a0}\u{202f}\u{2011}]?[0-9]){10}
    | 6(?:011|4[4-9][0-9]|5[0-9]{2})(?:[\ \-\u{a0}\u{202f}\u{2011}]?[0-9]){12}(?:(?:[\ \-\u{a0}\u{202f}\u{2011}]?[0-9]){3})?
    | 35(?:2[89]|[3-8][0-9])(?:[\ \-\u{a0}\u{202f}\u{2011}]?[0-9]){12}
    | 62[0-9]{2}(?:[\ \-\u{a0}\u{202f}\u{2011}]?[0-9]){12,15}
    | 220[0-4](?:[\ \-\u{a0}\u{202f}\u{2011}]?[0-9]){12}
    | [2-6][0-9]{3}(?:\.[0-9]{4}){3}
    )\b";

/// Not behind a decimal point.
pub(super) const CARDS: Part<'_> = Part { unless: Some(r"[0-9]\."), ..Part::behind(EDGE, CARD) };

macro_rules! phone {
    ($number:literal) => {
        concat!("(?x)(?:", $number, r")(?:\ ?(?:x|ext\.?)\ ?[0-9]{1,6})?\b")
    };
}

/// With the prefix of a country, 8 to 15 digits by ITU-T E.164.
pub(super) const PHONE: Part<'_> = Part {
    behind: Some(r"^|[^A-Za-z0-9+]|\\[nrt]"),
    unless: Some(VARIABLE),
    except: Some(AMOUNT),
    ..Part::anywhere(phone!(r"\+[2-9](?:[\ .()/\-\u{a0}\u{202f}\u{2011}]{0,2}[0-9]){8,14}"))
};

/// Those of North America, those with `00`, and national ones whose first digits only telephones have.
pub(super) const PHONES: &[Part<'_>] = &[
    Part {
        behind: Some(r"^|[^A-Za-z0-9+]|\\[nrt]"),
        unless: Some(VARIABLE),
        ..Part::anywhere(phone!(
            r"\+1[\ .\-\u{a0}\u{202f}\u{2011}]?\(?[2-9][0-9]{2}\)?[\ .\-\u{a0}\u{202f}\u{2011}]{0,2}[0-9]{3}[\ .\-\u{a0}\u{202f}\u{2011}]?[0-9]{4}"
        ))
    },
    Part::behind(
        EDGE,
        phone!(
            r"00[1-9][0-9]{0,2}[\ .\-\u{a0}\u{202f}\u{2011}](?:\(0\)\ ?)?[1-9][0-9]{0,3}[\ .\-\u{a0}\u{202f}\u{2011}][0-9](?:[\ .()/\-\u{a0}\u{202f}\u{2011}]{0,2}[0-9]){4,9}"
        ),
    ),
    Part {
        unless: Some(LABEL),
        ..Part::behind(
            EDGE,
            phone!(
                r"(?:1[\ .\-\u{a0}\u{202f}\u{2011}])?(?:[2-9](?:0[1-9]|[1-8][0-9])|[89]00)[\ .\-\u{a0}\u{202f}\u{2011}][1-9][0-9]{2}[\ .\-\u{a0}\u{202f}\u{2011}][0-9]{4}"
            ),
        )
    },
    Part {
        behind: Some(r"^|[^A-Za-z0-9]|\\[nrt]"),
        ..Part::anywhere(phone!(
            r"\([2-9][0-9]{2}\)[\ \u{a0}\u{202f}]?[1-9][0-9]{2}[\ .\-\u{a0}\u{202f}\u{2011}][0-9]{4}"
        ))
    },
    Part {
        unless: Some(LABEL),
        ..Part::behind(
            EDGE,
            phone!(
                r"01[567][0-9]{1,2}[\ /\-\u{a0}\u{202f}\u{2011}][0-9]{3,4}[\ \u{a0}\u{202f}]?[0-9]{3,5}
                | 0[2-9][0-9]{1,3}\ ?/\ ?[1-9][0-9]{4,8}
                | 020[\ \u{a0}\u{202f}][0-9]{4}[\ \u{a0}\u{202f}][0-9]{4}
                | 0[17][0-9]{3}[\ \u{a0}\u{202f}][0-9]{6}
                | 0[67](?:[\ \u{a0}\u{202f}][0-9]{2}){4}
                | 0[1-79](?:\.[0-9]{2}){4}"
            ),
        )
    },
];

/// A number that a formula adds.
const VARIABLE: &str = r"(?:^|[^A-Za-z0-9_])[A-Za-z] ?[-=<>*/(,] ?";

/// Amounts with a sign, and days of lines that a difference adds.
const AMOUNT: &str = r"\+[0-9]{1,3}(?:[ .,'\u{a0}\u{202f}][0-9]{3})+[.,][0-9]{1,2}\b|\+[0-9]{1,3}\.[0-9]{5}|\+[12][0-9]{3}-[0-9]{2}-[0-9]{2}";

/// What names another number, the groups of a longer one, and pairs of digits as in a dump.
const LABEL: &str = r"(?:^|[^A-Za-z])(?i-u:(?:sku|isbn|issn|asin|ean|upc|gtin|order|item|part|product|model|serial|invoice|account|customer|member|policy|claim|ref|reference|article|art|case|ticket|tracking|version)(?:[ ._-]?(?:no|nr|number|id))?)[ .:#=*_`]{1,4}|[0-9][-. /]|[0-9A-Fa-f]{2} {1,2}";
