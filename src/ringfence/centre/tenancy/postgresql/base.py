"""The second wall: the scope of the work is a setting of the connection that row-level security policies read.

Each statement is preceded by a change of the setting when, and only when, the scope differs from what this connection
was told last. A rollback takes the setting back too, so what was told is forgotten with it.
"""

from collections.abc import Callable
from typing import Any

from django.db.backends.postgresql import base
from typing_extensions import override

from ringfence.centre.tenancy.scope import scope_text

SETTING = "ringfence.clients"
EVERYTHING = "*"


class DatabaseWrapper(base.DatabaseWrapper):
    """Tells the server the scope before each statement."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.lifted = False
        """True while the schema changes: migrations write rows of every client, outside any scope."""
        self._told: str | None = None
        self.execute_wrappers.append(self._tell)

    def _tell(
        self,
        execute: Callable[[str, Any, bool, dict[str, Any]], Any],
        sql: str,
        params: Any,
        many: bool,
        context: dict[str, Any],
    ) -> Any:
        text = str(sql)
        if text.startswith("ROLLBACK"):  # to a savepoint, perhaps out of a failed state that takes nothing else
            self._told = None
            return execute(sql, params, many, context)
        wanted = EVERYTHING if self.lifted else scope_text()
        if wanted != self._told:
            self._told = None
            with self.wrap_database_errors, self.connection.cursor() as cursor:
                cursor.execute(f"SELECT set_config('{SETTING}', %s, false)", [wanted])
            self._told = wanted
        return execute(sql, params, many, context)

    @override
    def init_connection_state(self) -> None:
        self._told = None
        super().init_connection_state()

    def _rollback(self) -> None:
        self._told = None
        super()._rollback()  # type: ignore[misc] # the stubs leave it out
