// SPDX-License-Identifier: Apache-2.0
/**
 * Moments, exact to the nanosecond: `{seconds, nanoseconds}`, whole seconds since 1970 as bigint.
 *
 * The language's `Date` knows milliseconds and moves impossible days to the next month; this calendar refuses them.
 */
import { Unreadable } from "./errors.js";

const RFC_3339 = /^([0-9]{4})-([0-9]{2})-([0-9]{2})T([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,9}))?Z$/;
const GENERALIZED = /^([0-9]{4})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})(?:\.([0-9]*[1-9]))?Z$/;
const UTC = /^([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})([0-9]{2})Z$/;

/** Days from 1970 to a day of the calendar of Gregory, by counting years from March. */
function daysFromEpoch(year, month, day) {
  const shifted = month <= 2 ? year - 1 : year;
  const era = Math.floor(shifted / 400);
  const yearOfEra = shifted - era * 400;
  const dayOfYear = Math.floor((153 * (month + (month > 2 ? -3 : 9)) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

function daysOf(year, month) {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return [4, 6, 9, 11].includes(month) ? 30 : 31;
}

function instant([year, month, day, hour, minute, second], fraction = "") {
  const exists =
    year >= 1 && month >= 1 && month <= 12 && day >= 1 && day <= daysOf(year, month) && hour <= 23 && minute <= 59 && second <= 59;
  if (!exists) return null;
  const seconds = daysFromEpoch(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second;
  return { seconds: BigInt(seconds), nanoseconds: Number(fraction.padEnd(9, "0")), fraction };
}

/** A time as CometBFT writes it: RFC 3339, UTC, at most nine digits of a second. */
export function parseTime(text, where) {
  const found = RFC_3339.exec(text);
  const moment = found && instant(found.slice(1, 7).map(Number), found[7]);
  if (!moment) throw new Unreadable("time", { where, found: text.slice(0, 40) });
  return moment;
}

/** GeneralizedTime as DER writes it (X.690 section 11.7): no zone but Z, no fraction that ends with zero. */
export function parseGeneralizedTime(text) {
  const found = GENERALIZED.exec(text);
  // Finer than microseconds nobody stamps, and calendars of other languages end there.
  if (found?.[7] !== undefined && found[7].length > 6) throw new Unreadable("time", { found: text.slice(0, 40) });
  const moment = found && instant(found.slice(1, 7).map(Number), found[7]);
  if (!moment) throw new Unreadable("time", { found: text.slice(0, 40) });
  return moment;
}

/** UTCTime of a certificate (RFC 5280 section 4.1.2.5.1): years from 1950 to 2049. */
export function parseUtcTime(text) {
  const found = UTC.exec(text);
  const [year, ...rest] = found ? found.slice(1, 7).map(Number) : [0];
  const moment = found && instant([year + (year < 50 ? 2000 : 1900), ...rest]);
  if (!moment) throw new Unreadable("time", { found: text.slice(0, 40) });
  return moment;
}

/** The earlier first: negative, zero, positive. */
export function compareInstants(one, other) {
  if (one.seconds !== other.seconds) return one.seconds < other.seconds ? -1 : 1;
  return one.nanoseconds - other.nanoseconds;
}
