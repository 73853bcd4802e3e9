"""From the posterior to words: is the photo in the area, and how sure is the place?"""

from __future__ import annotations

from dataclasses import dataclass

from cvgl_core.localization.settings import LocalizeSettings
from cvgl_core.types import Confidence, Verdict


@dataclass(frozen=True)
class Judgement:
    """A verdict and its strength."""

    verdict: Verdict
    confidence: Confidence


def judge(
    probability: float, outside: float, settings: LocalizeSettings, calibrated: bool
) -> Judgement:
    """Put the posterior into words.

    ==============  ==========================================  ==========
    verdict         when                                        confidence
    ==============  ==========================================  ==========
    not_in_area     ``outside`` > ``outside_probability``       none
    located         ``probability`` >= ``located_probability``  possible
    located         ``probability`` >= ``strong_probability``   strong
    ambiguous       otherwise                                   weak
    ==============  ==========================================  ==========

    Without a calibration that holds for such a photo nothing is called strong, and nothing is said
    to lie outside: low scores are then no evidence that the photo was taken elsewhere.

    Args:
        probability: mass near the estimate.
        outside: mass of "not in this area".
        settings: the thresholds.
        calibrated: whether the model's scores were calibrated on held-out queries like this one.
    """
    if calibrated and outside > settings.outside_probability:
        return Judgement(Verdict.NOT_IN_AREA, Confidence.NONE)
    if probability < settings.located_probability:
        return Judgement(Verdict.AMBIGUOUS, Confidence.WEAK)
    strong = calibrated and probability >= settings.strong_probability
    return Judgement(Verdict.LOCATED, Confidence.STRONG if strong else Confidence.POSSIBLE)
