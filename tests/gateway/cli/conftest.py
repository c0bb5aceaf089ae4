from tests.engine.conftest import open_shop, shop

__all__ = ["open_shop", "shop"]
