"""The loop: observe, decide, act. It knows keys, effects, time and operations, and no word of any domain."""

from __future__ import annotations

from plat.engine.clock import Clock, ScaledClock, SystemClock, Timer, VirtualClock
from plat.engine.decision import (
    Batch,
    Decision,
    Effect,
    Lane,
    OperationView,
    Outcome,
    Past,
    Reach,
    Reason,
    Reconciler,
    Repeat,
    Result,
    Standing,
)
from plat.engine.effects import NOT_SENT, Handler, Mode, Performer, Planned
from plat.engine.intents import Intent, Intents, MemoryIntents, outcome_from_json, outcome_to_json
from plat.engine.loop import Engine
from plat.engine.memory import Memory
from plat.engine.operations import (
    CancelOperation,
    LostError,
    MemoryOperations,
    OperationRecord,
    Operations,
    Progress,
    Runner,
    StartOperation,
    Work,
)
from plat.engine.queue import Backoff, WorkQueue
from plat.engine.reasons import KeyView, Told, Transition
from plat.engine.settings import RunReport, Settings

__all__ = [
    "NOT_SENT",
    "Backoff",
    "Batch",
    "CancelOperation",
    "Clock",
    "Decision",
    "Effect",
    "Engine",
    "Handler",
    "Intent",
    "Intents",
    "KeyView",
    "Lane",
    "LostError",
    "Memory",
    "MemoryIntents",
    "MemoryOperations",
    "Mode",
    "OperationRecord",
    "OperationView",
    "Operations",
    "Outcome",
    "Past",
    "Performer",
    "Planned",
    "Progress",
    "Reach",
    "Reason",
    "Reconciler",
    "Repeat",
    "Result",
    "RunReport",
    "Runner",
    "ScaledClock",
    "Settings",
    "Standing",
    "StartOperation",
    "SystemClock",
    "Timer",
    "Told",
    "Transition",
    "VirtualClock",
    "Work",
    "WorkQueue",
    "outcome_from_json",
    "outcome_to_json",
]
