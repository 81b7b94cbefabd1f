"""List prices by model, dated. What is not here has no known price, which is not a price of 0.

Standard prices for single requests: no batch discount, and cached prompts count in full, so that
a sum is never too low. The table was put together second-hand, from quotations of the pages that
it names and from third parties' lists: compare it before a large run. `prices` in the
configuration overrides it.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from idiolect.config import PriceConfig

__all__ = ["PRICES", "Price", "price_of"]

OPENAI = "https://developers.openai.com/api/docs/pricing"
ANTHROPIC = "https://platform.claude.com/docs/en/about-claude/pricing"
_SNAPSHOT = re.compile(r"-(20\d\d-\d\d-\d\d|20\d{6}|latest)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """What tokens of one model cost, in US dollars."""

    input_usd_per_million: float
    output_usd_per_million: float
    longest_prompt: int | None = None
    """Tokens. A longer prompt costs more, how much is not in this table."""

    as_of: str | None = None
    """Date of the price; None where the user gave it."""

    source: str = "prices in the configuration"
    """Where the provider publishes it."""

    def cost_usd(self, tokens_in: int, tokens_out: int) -> float | None:
        """Return what a request costs; None where the prompt is too long for this price."""
        if self.longest_prompt is not None and tokens_in > self.longest_prompt:
            return None
        paid = tokens_in * self.input_usd_per_million + tokens_out * self.output_usd_per_million
        return paid / 1e6


def _table(source: str, rows: str) -> dict[str, Price]:
    """Read lines of name, input, output, date and longest prompt (`-` for any)."""
    table: dict[str, Price] = {}
    for row in rows.strip().splitlines():
        name, put_in, put_out, date, longest = row.split()
        table[name] = Price(
            input_usd_per_million=float(put_in),
            output_usd_per_million=float(put_out),
            longest_prompt=None if longest == "-" else int(longest),
            as_of=date,
            source=source,
        )
    return table


PRICES: Mapping[str, Price] = {
    **_table(
        OPENAI,
        """
        gpt-4o-mini        0.15   0.60  2024-07-18  -
        gpt-4o             2.50  10.00  2024-08-06  -
        gpt-4o-2024-05-13  5.00  15.00  2024-05-13  -
        gpt-4.1            2.00   8.00  2025-04-14  -
        gpt-4.1-mini       0.40   1.60  2025-04-14  -
        gpt-4.1-nano       0.10   0.40  2025-04-14  -
        o3                 2.00   8.00  2025-06-10  -
        o4-mini            1.10   4.40  2025-04-16  -
        gpt-5              1.25  10.00  2025-08-07  -
        gpt-5-mini         0.25   2.00  2025-08-07  -
        gpt-5-nano         0.05   0.40  2025-08-07  -
        gpt-5.1            1.25  10.00  2025-11-13  -
        gpt-5.2            1.75  14.00  2025-12-11  -
        gpt-5.4            2.50  15.00  2026-03-31  272000
        gpt-5.4-mini       0.75   4.50  2026-03-31  -
        gpt-5.4-nano       0.20   1.25  2026-03-31  -
        gpt-5.5            5.00  30.00  2026-07-31  272000
        gpt-5.6-terra      2.00  12.00  2026-07-30  272000
        gpt-5.6-luna       0.20   1.20  2026-07-30  272000
        gpt-6-astra       10.00  50.00  2026-09-03  272000
        gpt-6-sol          2.00  10.00  2026-09-22  272000
        gpt-6-luna         0.10   0.50  2026-09-22  272000
        """,
    ),
    **_table(
        ANTHROPIC,
        """
        claude-3-haiku     0.25   1.25  2025-08-05  -
        claude-3-5-haiku   0.80   4.00  2025-08-05  -
        claude-opus-4      15.00 75.00  2025-08-05  -
        claude-opus-4-1    15.00 75.00  2025-08-05  -
        claude-sonnet-4    3.00  15.00  2025-08-05  200000
        claude-sonnet-4-5  3.00  15.00  2026-03-21  200000
        claude-haiku-4-5   1.00   5.00  2026-03-21  -
        claude-opus-4-5    5.00  25.00  2026-03-21  -
        claude-opus-4-6    5.00  25.00  2026-03-21  -
        claude-sonnet-4-6  3.00  15.00  2026-03-21  -
        claude-opus-4-7    5.00  25.00  2026-04-30  -
        claude-opus-5      5.00  25.00  2026-10-10  -
        claude-sonnet-5    2.00  10.00  2026-10-10  -
        claude-fable-5     10.00 50.00  2026-10-10  -
        claude-fable-5-1   10.00 50.00  2026-10-24  -
        claude-opus-5-5    4.00  20.00  2026-10-24  -
        claude-sonnet-5-5  2.00  10.00  2026-10-24  -
        claude-haiku-5-5   0.10   0.50  2026-10-24  100000
        """,
    ),
}
"""By the name that the provider gives the model, without the date of a snapshot."""


def price_of(name: str, overrides: Mapping[str, PriceConfig] | None = None) -> Price | None:
    """Return the price of a model; None where it is not known.

    Args:
        name: The model as a configuration names it (`openai:gpt-4.1`, `openai:NAME@URL`), or
            as the provider does (`gpt-4.1-2025-04-14`).
        overrides: `prices` of the configuration, by either name.
    """
    address = name.partition("@http")
    bare = address[0].removeprefix("openai:").removeprefix("anthropic:")
    for key in (name, address[0], bare):
        if overrides and (found := overrides.get(key)):
            return Price(
                input_usd_per_million=found.input_usd_per_million,
                output_usd_per_million=found.output_usd_per_million,
            )
    if address[1]:
        # Somebody else's server may use any name, and asks its own price.
        return None
    return PRICES.get(bare) or PRICES.get(_SNAPSHOT.sub("", bare))
