"""Prefect's SQLite file, whose writers wait for one another.

Prefect begins most transactions as readers (`BEGIN DEFERRED`). One that has read and then writes, while another has
written meanwhile, fails at once with "database is locked", however long it may wait: heartbeats are lost, requests are
answered with 503, and so is the run that an automation was to start. Under load the server says nothing for a minute.
(https://github.com/PrefectHQ/prefect/issues/23051 is one of many.) Transactions that ask for the write lock when they
begin (`BEGIN IMMEDIATE`) queue for it, up to Prefect's sixty seconds.
"""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from prefect.server.database.configurations import AioSqliteConfiguration
from sqlalchemy.ext.asyncio import AsyncSession, AsyncSessionTransaction


class WaitingSqlite(AioSqliteConfiguration):  # type: ignore[misc]
    """The database configuration of a Prefect server on SQLite."""

    def begin_transaction(
        self, session: AsyncSession, with_for_update: bool = False
    ) -> AbstractAsyncContextManager[AsyncSessionTransaction]:
        """Wait for the write lock, whatever was asked for: who only reads begins no transaction."""
        begun: AbstractAsyncContextManager[AsyncSessionTransaction] = super().begin_transaction(
            session, with_for_update=True
        )
        return begun
