"""A net and a pace for those who name none and bring a series."""

from __future__ import annotations

from lamina.data.series.origin import SeriesOrigin
from lamina.defaults import Suggestion

FEW_WINDOWS = 1000
MANY_WINDOWS = 20_000


def series_net(origin: SeriesOrigin, windows: int) -> Suggestion:
    """What to begin with on so many windows of a series.

    A linear map from the past to the future, which is hard to beat, and beside it a dense layer for what is not linear;
    of each column alone. Source: Zeng et al. 2023 (the map), Das et al. 2023, "Long-term forecasting with TiDE" (both).
    """
    few = windows < FEW_WINDOWS
    width, rate = (64, 0.3) if few else (256, 0.2)
    dense = f"Dense({width}) >> ReLU() >> Dropout({rate}) >> Dense({origin.context}, init='zeros')"
    net = f"FromLast(Recent({origin.context}) >> Residual({dense})) >> Forecast(init='zeros')"
    columns = f"each of {len(origin.columns)} columns" if len(origin.columns) > 1 else "the column"
    reason = (
        f"{windows:,} windows of {origin.context} steps: what follows in {columns} as a linear map of them and a"
        " dense layer beside it, seen from the last value"
    )
    epochs = 200 if few else 10 if windows < MANY_WINDOWS else 5
    pace = {"batch": 32, "epochs": epochs, "patience": epochs // 3}
    return Suggestion(net, reason, f"AdamW(cosine({0.003 if few else 0.001}, warmup=20), weight_decay=0.05)", pace)
