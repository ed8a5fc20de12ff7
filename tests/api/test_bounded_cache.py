"""What a bounded cache keeps and forgets."""

from api.bounded_cache import BoundedCache


def test_a_value_is_made_once_and_the_least_lately_asked_for_is_forgotten() -> None:
    cache: BoundedCache[str, str] = BoundedCache(2)
    made: list[str] = []

    def ask(key: str) -> str:
        def make() -> str:
            made.append(key)
            return key.upper()

        return cache.get(key, make)

    assert [ask("a"), ask("b"), ask("a"), ask("c"), ask("a")] == ["A", "B", "A", "C", "A"]
    assert made == ["a", "b", "c"]
    assert ask("b") == "B"
    assert made == ["a", "b", "c", "b"]
