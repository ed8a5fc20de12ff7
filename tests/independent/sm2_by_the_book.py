"""SM2 written down from GB/T 32918.2 in plain numbers: slow, readable, and not ours to trust.

It knows any curve, so the standard's own example of part 2 can judge it, and it takes the nonce
as a parameter, so it can make signatures that no honest signer makes.
"""

import hashlib
from dataclasses import dataclass

Point = tuple[int, int] | None  # None is the point at infinity


@dataclass(frozen=True)
class Curve:
    """y² = x³ + ax + b over the field of p elements, with a base point of order n."""

    p: int
    a: int
    b: int
    n: int
    base: tuple[int, int]

    def add(self, left: Point, right: Point) -> Point:
        """Add two points (GB/T 32918.1, 3.2.3.1)."""
        if left is None or right is None:
            return left or right
        (x_1, y_1), (x_2, y_2) = left, right
        if x_1 == x_2 and (y_1 + y_2) % self.p == 0:
            return None
        if left == right:
            slope = (3 * x_1 * x_1 + self.a) * pow(2 * y_1, -1, self.p)
        else:
            slope = (y_2 - y_1) * pow(x_2 - x_1, -1, self.p)
        x_3 = (slope * slope - x_1 - x_2) % self.p
        return x_3, (slope * (x_1 - x_3) - y_1) % self.p

    def multiply(self, factor: int, point: Point) -> Point:
        """Add `point` to itself `factor` times."""
        total: Point = None
        while factor:
            if factor & 1:
                total = self.add(total, point)
            point = self.add(point, point)
            factor >>= 1
        return total

    def public_point(self, d: int) -> tuple[int, int]:
        """Return d·G."""
        point = self.multiply(d, self.base)
        assert point is not None
        return point

    def z(self, identity: bytes, public: tuple[int, int]) -> bytes:
        """Return Z (5.5)."""
        numbers = (self.a, self.b, *self.base, *public)
        return hashlib.new(
            "sm3",
            (len(identity) * 8).to_bytes(2, "big")
            + identity
            + b"".join(number.to_bytes(32, "big") for number in numbers),
        ).digest()

    def sign(self, e: int, d: int, k: int) -> tuple[int, int]:
        """Sign with the nonce `k` (6.1, A3 … A6)."""
        point = self.multiply(k, self.base)
        assert point is not None
        r = (e + point[0]) % self.n
        s = pow(1 + d, -1, self.n) * (k - r * d) % self.n
        return r, s

    def accepts(self, e: int, public: tuple[int, int], r: int, s: int) -> bool:
        """Say whether (r, s) is right (7.1, B1 … B7)."""
        if not (0 < r < self.n and 0 < s < self.n) or (r + s) % self.n == 0:
            return False
        point = self.add(self.multiply(s, self.base), self.multiply((r + s) % self.n, public))
        return point is not None and (e + point[0]) % self.n == r


def encode(r: int, s: int) -> bytes:
    """Return SEQUENCE of two INTEGERs in the shortest form."""

    def integer(number: int) -> bytes:
        content = number.to_bytes(number.bit_length() // 8 + 1, "big")
        return bytes([2, len(content)]) + content

    content = integer(r) + integer(s)
    return bytes([0x30, len(content)]) + content


def decode(der: bytes) -> tuple[int, int]:
    """Return r and s of a well-formed signature."""
    end_of_r = 4 + der[3]
    return (
        int.from_bytes(der[4:end_of_r], "big"),
        int.from_bytes(der[end_of_r + 2 :], "big"),
    )


RECOMMENDED_CURVE = Curve(  # GB/T 32918.5
    p=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFF,
    a=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF00000000FFFFFFFFFFFFFFFC,
    b=0x28E9FA9E9D9F5E344D5A9E4BCF6509A7F39789F515AB8F92DDBCBD414D940E93,
    n=0xFFFFFFFEFFFFFFFFFFFFFFFFFFFFFFFF7203DF6B21C6052B53BBF40939D54123,
    base=(
        0x32C4AE2C1F1981195F9904466A39C9948FE30BBFF2660BE1715A4589334C74C7,
        0xBC3736A2F4F6779C59BDCEE36B692153D0A9877CC62A474002DF32E52139F0A0,
    ),
)
