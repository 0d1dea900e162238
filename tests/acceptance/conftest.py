"""The product of a test: accounts written, nothing started yet."""

from pathlib import Path

import pytest

from deploy.local.stack import Stack
from schemas.topics import Topics
from tests.acceptance.product import Product
from tests.support.database import Database
from tests.support.program import Programs


@pytest.fixture
def product(programs: Programs, database: Database, topics: Topics, stack: Stack, tmp_path: Path) -> Product:
    """On a database and topics of its own; what a test starts is ended with it."""
    made = Product(programs, database, topics, stack.bootstrap, tmp_path)
    made.write_accounts()
    return made
