"""A folder of check types of one's own."""

from __future__ import annotations

TYPE = """
from agent.api import Check, CheckError, Metric, critical, judge, ok
import os, sys, time

class Mine(Check):
    '''What a test wants.'''
    {isolation}
    def run(self, ctx):
        {body}
"""


def typed(body: str, isolation: bool = False, head: str = "") -> str:
    inside = body.replace("\n", "\n        ")
    return head + TYPE.format(body=inside, isolation="isolation = 'process'" if isolation else "")


SHARED = typed("yield ok(greeting)", head="from ._common import greeting\n")
