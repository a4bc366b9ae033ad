/// The Unix time, in seconds, of an HTTP date in the form that servers have to send:
/// `Sun, 06 Nov 1994 08:49:37 GMT`. `None` for any other text, and for a day that there is not.
pub(super) fn unix_seconds(text: &str) -> Option<u64> {
    let [w1, w2, w3, b',', b' ', d1, d2, b' ', m1, m2, m3, b' ', y1, y2, y3, y4, b' ', time @ ..] =
        text.as_bytes()
    else {
        return None;
    };
    let [h1, h2, b':', n1, n2, b':', s1, s2, b' ', b'G', b'M', b'T'] = time else { return None };
    let days = days(
        number(&[*y1, *y2, *y3, *y4])?,
        index(b"JanFebMarAprMayJunJulAugSepOctNovDec", [*m1, *m2, *m3])?,
        number(&[*d1, *d2])?,
    )?;
    // The first of January 1970 was a Thursday.
    let weekday = index(b"ThuFriSatSunMonTueWed", [*w1, *w2, *w3])?;
    let (hours, minutes, seconds) = (number(&[*h1, *h2])?, number(&[*n1, *n2])?, number(&[*s1, *s2])?);
    // A leap second is the same as the second behind it.
    let valid = days % 7 == weekday && hours < 24 && minutes < 60 && seconds <= 60;
    valid.then_some(days * 86_400 + hours * 3_600 + minutes * 60 + seconds)
}

/// Days from the first of January 1970 to a day of a month, which counts from 0.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    const BEFORE: [u64; 13] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334, 365];
    let leap_days_before = |year: u64| (year - 1) / 4 - (year - 1) / 100 + (year - 1) / 400;
    let since_1970 = year.checked_sub(1970)?;
    let leap_days = leap_days_before(year) - leap_days_before(1970);
    let leap_day = leap_days_before(year + 1) - leap_days_before(year);
    let before = |month: u64| {
        let days = BEFORE.get(usize::try_from(month).ok()?)?;
        Some(days + if month > 1 { leap_day } else { 0 })
    };
    let (start, end) = (before(month)?, before(month + 1)?);
    let in_year = start + day.checked_sub(1)?;
    (in_year < end).then_some(since_1970 * 365 + leap_days + in_year)
}

fn number(digits: &[u8]) -> Option<u64> {
    digits
        .iter()
        .try_fold(0, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u64::from(digit - b'0')))
}

/// Which of `names` it is, all of three letters.
fn index(names: &[u8], name: [u8; 3]) -> Option<u64> {
    names.chunks_exact(3).position(|of| of == name).map(|at| at as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_seconds_since_1970() {
        for (date, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 GMT", 0),
            ("Sun, 06 Nov 1994 08:49:37 GMT", 784_111_777),
            ("Tue, 29 Feb 2000 23:59:59 GMT", 951_868_799),
            ("Wed, 01 Mar 2000 00:00:00 GMT", 951_868_800),
            ("Sat, 31 Dec 2016 23:59:60 GMT", 1_483_228_800),
            ("Thu, 29 Feb 2024 12:00:00 GMT", 1_709_208_000),
            ("Mon, 01 Mar 2100 00:00:00 GMT", 4_107_542_400),
            ("Fri, 31 Dec 9999 23:59:59 GMT", 253_402_300_799),
        ] {
            assert_eq!(unix_seconds(date), Some(seconds), "{date}");
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "Mon, 06 Nov 1994 08:49:37 GMT", // a Sunday
            "Sun, 31 Nov 1994 08:49:37 GMT",
            "Wed, 29 Feb 2100 00:00:00 GMT",
            "Sun, 00 Nov 1994 08:49:37 GMT",
            "Sun, 06 nov 1994 08:49:37 GMT",
            "Sun, 06 Nov 1994 24:49:37 GMT",
            "Sun, 06 Nov 1994 08:60:37 GMT",
            "Sun, 06 Nov 1994 08:49:61 GMT",
            "Sun, 06 Nov 1994 08:49:37 UTC",
            "Sun, 06 Nov 1994 08:49:37 GMT ",
            "Sun, 06 Nov 1994 08:49:-1 GMT",
            "Wed, 31 Dec 1969 23:59:59 GMT",
            "Sun, 06 Nov 0000 08:49:37 GMT",
            "Sunday, 06-Nov-94 08:49:37 GMT",
            "Sun Nov  6 08:49:37 1994",
        ] {
            assert_eq!(unix_seconds(text), None, "{text}");
        }
    }
}
