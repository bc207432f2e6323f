//! Times and durations in text.

/// Units of durations that say how long something took or is ago.
const UNITS: [&str; 16] = [
    "ns",
    "us",
    "ms",
    "s",
    "sec",
    "secs",
    "second",
    "seconds",
    "min",
    "mins",
    "minute",
    "minutes",
    "hour",
    "hours",
    "millisecond",
    "milliseconds",
];
/// Longest unit.
const LONGEST: usize = 12;

/// Bytes of the time or duration that the text begins with; 0 where it begins with none.
pub(super) fn length(text: &[u8]) -> usize {
    let date = pattern(text, b"dddd-dd-dd");
    let day = if date > 0 && matches!(text.get(date), Some(b'T' | b' ')) { date + 1 } else { 0 };
    let time = pattern(text.get(day..).unwrap_or_default(), b"dd:dd:dd");
    if time == 0 {
        return duration(text);
    }
    let end = day + time;
    let end = end + fraction(text.get(end..).unwrap_or_default());
    end + zone(text.get(end..).unwrap_or_default())
}

/// Bytes of `pattern`, in which `d` is a digit, if the text begins with it and no further digit follows.
fn pattern(text: &[u8], pattern: &[u8]) -> usize {
    let fits = |(byte, wanted): (&u8, &u8)| if *wanted == b'd' { byte.is_ascii_digit() } else { byte == wanted };
    let all = text.len() >= pattern.len() && text.iter().zip(pattern).all(fits);
    if all && !text.get(pattern.len()).is_some_and(u8::is_ascii_digit) { pattern.len() } else { 0 }
}

fn fraction(text: &[u8]) -> usize {
    let digits = text.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
    if matches!(text.first(), Some(b'.' | b',')) && digits > 0 { 1 + digits } else { 0 }
}

fn zone(text: &[u8]) -> usize {
    match text.first() {
        Some(b'Z') => 1,
        Some(b'+' | b'-') => {
            let rest = text.get(1..).unwrap_or_default();
            let length = pattern(rest, b"dd:dd").max(pattern(rest, b"dddd"));
            if length > 0 { 1 + length } else { 0 }
        }
        _ => 0,
    }
}

/// Bytes of a number with a unit of time behind it.
fn duration(text: &[u8]) -> usize {
    let whole = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    if whole == 0 {
        return 0;
    }
    let number = whole + fraction(text.get(whole..).unwrap_or_default());
    let space = usize::from(text.get(number) == Some(&b' '));
    let rest = text.get(number + space..).unwrap_or_default();
    let unit = rest.iter().take(LONGEST + 1).take_while(|byte| byte.is_ascii_alphanumeric()).count();
    let unit = rest.get(..unit).unwrap_or_default();
    let known = UNITS.iter().any(|known| known.as_bytes().eq_ignore_ascii_case(unit));
    if known { number + space + unit.len() } else { 0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_durations_are_measured_whole() {
        for time in [
            "2026-11-21T14:47:03Z",
            "2026-11-21 14:47:03,125",
            "14:47:03",
            "0.31s",
            "12 seconds",
            "2026-01-02T00:00:00+0100",
        ] {
            assert_eq!(length(format!("{time} and more").as_bytes()), time.len(), "{time}");
        }
    }

    #[test]
    fn dates_versions_and_counts_are_not_times() {
        for text in ["2026-11-21", "1.2.3", "12 files", "14:47", "7", "3 saves", "100:00:00"] {
            assert_eq!(length(text.as_bytes()), 0, "{text}");
        }
    }
}
