from fractions import Fraction
from unittest import TestCase, main

from day_count import DayCountError, year_fraction


class DayCount(TestCase):
    def test_actual_days_are_taken_over_360_or_365(self):
        self.assertEqual(
            year_fraction("ACT/360", "2006-01-01", "2006-04-01"), (90, Fraction(90, 360))
        )
        self.assertEqual(
            year_fraction("ACT/365F", "2024-01-01", "2025-01-01"), (366, Fraction(366, 365))
        )

    def test_the_semi_annual_example_of_isdas_memorandum_on_actual_actual(self):
        # "EMU and Market Conventions: Recent Developments", ISDA 1998, section 4.
        days, fraction = year_fraction("ACT/ACT", "2003-11-01", "2004-05-01")

        self.assertEqual(days, 182)
        self.assertEqual(fraction, Fraction(61, 365) + Fraction(121, 366))

    def test_months_of_thirty_days_differ_at_the_end_of_february_to_march(self):
        self.assertEqual(year_fraction("30/360", "2007-02-28", "2007-03-31")[0], 33)
        self.assertEqual(year_fraction("30E/360", "2007-02-28", "2007-03-31")[0], 32)
        self.assertEqual(year_fraction("30/360", "2007-01-31", "2007-03-31")[0], 60)

    def test_says_why_there_is_no_fraction(self):
        for code, asked in [
            ("unknown-convention", ("ACT/364", "2006-01-01", "2006-02-01")),
            ("invalid-date", ("ACT/360", "2006-02-30", "2006-03-01")),
            ("reversed-period", ("ACT/360", "2006-02-01", "2006-01-01")),
        ]:
            with self.assertRaises(DayCountError) as raised:
                year_fraction(*asked)
            self.assertEqual(raised.exception.code, code)


if __name__ == "__main__":
    main()
