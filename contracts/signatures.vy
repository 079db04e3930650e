# SPDX-License-Identifier: Apache-2.0
# pragma version 0.4.3
# pragma evm-version prague
# pragma optimize gas
"""
@title Signatures
@license Apache-2.0
@notice Verifies what the EVM has no precompile for: an Ed25519 signature (RFC 8032) over a digest of 32 bytes.
@dev Validators and nodes of CometBFT have Ed25519 keys. That a key is held by who registers it is therefore checked here,
     by everybody, and not left to a registrar. Points are in extended twisted Edwards coordinates (X, Y, Z, T) with
     x = X/Z, y = Y/Z, x·y = T/Z; formulas dbl-2008-hwcd and add-2008-hwcd-3 of the Explicit-Formulas Database.
@custom:security Cofactorless, with S below the group's order, points in their one encoding, and no public key of small
                 order: for such a key anybody could sign. Nothing here is secret, so nothing is constant in time.
"""


from interfaces import IIdentified
from interfaces import ISignatures

implements: ISignatures
implements: IIdentified


# Constants

# @dev The name of this contract.
_INTERFACE_ID: constant(bytes32) = 0x5369676e61747572657300000000000000000000000000000000000000000000
# @dev The precompiled contract for powers (EIP-198).
_POWER: constant(address) = 0x0000000000000000000000000000000000000005
# @dev The field: 2^255 - 19.
_P: constant(uint256) = 2**255 - 19
# @dev The order of the base point.
_ORDER: constant(uint256) = 2**252 + 27_742_317_777_372_353_535_851_937_790_883_648_493
# @dev 2^256 modulo the order.
_WORD_MODULO_ORDER: constant(uint256) = 7_237_005_577_332_262_213_973_186_563_042_994_240_413_239_274_941_949_949_428_319_933_631_315_875_101
# @dev The curve's d, twice d, and a square root of -1.
_D: constant(uint256) = 37_095_705_934_669_439_343_138_083_508_754_565_189_542_113_879_843_219_016_388_785_533_085_940_283_555
_TWICE_D: constant(uint256) = 16_295_367_250_680_780_974_490_674_513_165_176_452_449_235_426_866_156_013_048_779_062_215_315_747_161
_ROOT: constant(uint256) = 19_681_161_376_707_505_956_807_079_304_988_542_015_446_066_515_923_890_162_744_021_073_123_829_784_752
# @dev The base point, and the product of its coordinates.
_BASE_X: constant(uint256) = 15_112_221_349_535_400_772_501_151_409_588_531_511_454_012_693_041_857_206_046_113_283_949_847_762_202
_BASE_Y: constant(uint256) = 46_316_835_694_926_478_169_428_394_003_475_163_141_307_993_866_256_225_615_783_033_603_165_251_855_960
_BASE_T: constant(uint256) = 46_827_403_850_823_179_245_072_216_630_277_197_565_144_205_554_125_654_976_674_165_829_533_817_101_731
# @dev 64 ones.
_LONG: constant(uint256) = 2**64 - 1
# @dev The order fits 253 bits.
_BITS: constant(uint256) = 253
# @dev SHA-512, FIPS 180-4, section 4.2.3.
_ROUNDS: constant(uint256[80]) = [
    4794697086780616226, 8158064640168781261, 13096744586834688815, 16840607885511220156,
    4131703408338449720, 6480981068601479193, 10538285296894168987, 12329834152419229976,
    15566598209576043074, 1334009975649890238, 2608012711638119052, 6128411473006802146,
    8268148722764581231, 9286055187155687089, 11230858885718282805, 13951009754708518548,
    16472876342353939154, 17275323862435702243, 1135362057144423861, 2597628984639134821,
    3308224258029322869, 5365058923640841347, 6679025012923562964, 8573033837759648693,
    10970295158949994411, 12119686244451234320, 12683024718118986047, 13788192230050041572,
    14330467153632333762, 15395433587784984357, 489312712824947311, 1452737877330783856,
    2861767655752347644, 3322285676063803686, 5560940570517711597, 5996557281743188959,
    7280758554555802590, 8532644243296465576, 9350256976987008742, 10552545826968843579,
    11727347734174303076, 12113106623233404929, 14000437183269869457, 14369950271660146224,
    15101387698204529176, 15463397548674623760, 17586052441742319658, 1182934255886127544,
    1847814050463011016, 2177327727835720531, 2830643537854262169, 3796741975233480872,
    4115178125766777443, 5681478168544905931, 6601373596472566643, 7507060721942968483,
    8399075790359081724, 8693463985226723168, 9568029438360202098, 10144078919501101548,
    10430055236837252648, 11840083180663258601, 13761210420658862357, 14299343276471374635,
    14566680578165727644, 15097957966210449927, 16922976911328602910, 17689382322260857208,
    500013540394364858, 748580250866718886, 1242879168328830382, 1977374033974150939,
    2944078676154940804, 3659926193048069267, 4368137639120453308, 4836135668995329356,
    5532061633213252278, 6448918945643986474, 6902733635092675308, 7801388544844847127,
]
# @dev SHA-512, FIPS 180-4, section 5.3.5.
_INITIAL: constant(uint256[8]) = [
    7640891576956012808, 13503953896175478587, 4354685564936845355, 11912009170470909681,
    5840696475078001361, 11170449401992604703, 2270897969802886507, 6620516959819538809,
]


# Structs


struct Point:
    x: uint256
    y: uint256
    z: uint256
    t: uint256


# External functions that only read


@external
@view
def interface_id() -> bytes32:
    """
    @notice The one name this contract may be listed under.
    @return bytes32 "Signatures".
    """
    return _INTERFACE_ID


@external
@view
def verify(public_key: bytes32, digest: bytes32, signature: Bytes[64]) -> bool:
    """
    @notice Whether an Ed25519 signature over a digest is valid.
    @dev RFC 8032, section 5.1.7: (1) S is below the order; (2) the key is a point, of large order; (3) k is SHA-512 of
         R, key and digest; (4) S·B - k·A is R.
    @param public_key The key, 32 bytes.
    @param digest The message: these 32 bytes and nothing else.
    @param signature R and S, 64 bytes.
    @return bool False for whatever is not valid; never reverts but for lack of gas.
    """
    if len(signature) != 64:
        return False
    r: bytes32 = convert(slice(signature, 0, 32), bytes32)
    # (1)
    s: uint256 = self._reversed(convert(slice(signature, 32, 32), uint256))
    if s >= _ORDER:
        return False
    # (2)
    key: Point = self._decoded(public_key)
    if key.z == 0:
        return False
    eightfold: Point = self._double(self._double(self._double(key)))
    if eightfold.x == 0:
        return False
    # (3)
    k: uint256 = self._challenge(r, public_key, digest)
    # (4)
    negative: Point = Point(x=_P - key.x, y=key.y, z=1, t=_P - key.t)
    return self._encoded(self._combined(s, k, negative)) == r


# Internal functions that only read


@internal
@view
def _decoded(encoded: bytes32) -> Point:
    """
    @dev RFC 8032, section 5.1.3.
    @param encoded 32 bytes: y, little-endian, with the lowest bit of x as highest bit.
    @return Point With z = 1; z = 0 when there is no such point, or when this is not its one encoding.
    """
    word: uint256 = self._reversed(convert(encoded, uint256))
    sign: uint256 = word >> 255
    y: uint256 = word & (2**255 - 1)
    if y >= _P:
        return empty(Point)
    square: uint256 = uint256_mulmod(y, y, _P)
    u: uint256 = uint256_addmod(square, _P - 1, _P)
    v: uint256 = uint256_addmod(uint256_mulmod(_D, square, _P), 1, _P)
    # x = u v^3 (u v^7)^((p - 5) / 8)
    cube: uint256 = uint256_mulmod(uint256_mulmod(v, v, _P), v, _P)
    seventh: uint256 = uint256_mulmod(uint256_mulmod(cube, cube, _P), v, _P)
    power: uint256 = self._power(uint256_mulmod(u, seventh, _P), 2**252 - 3)
    x: uint256 = uint256_mulmod(uint256_mulmod(u, cube, _P), power, _P)
    found: uint256 = uint256_mulmod(v, uint256_mulmod(x, x, _P), _P)
    if found != u:
        if uint256_addmod(found, u, _P) != 0:
            return empty(Point)
        x = uint256_mulmod(x, _ROOT, _P)
    if x == 0 and sign == 1:
        return empty(Point)
    if x & 1 != sign:
        x = _P - x
    return Point(x=x, y=y, z=1, t=uint256_mulmod(x, y, _P))


@internal
@view
def _encoded(point: Point) -> bytes32:
    """
    @dev RFC 8032, section 5.1.2.
    @param point The point.
    @return bytes32 32 bytes.
    """
    inverse: uint256 = self._power(point.z, _P - 2)
    x: uint256 = uint256_mulmod(point.x, inverse, _P)
    y: uint256 = uint256_mulmod(point.y, inverse, _P)
    return convert(self._reversed(y | (x & 1) << 255), bytes32)


@internal
@view
def _power(base: uint256, exponent: uint256) -> uint256:
    """
    @dev A power in the field.
    @param base The base.
    @param exponent The exponent.
    @return uint256 The power.
    """
    answer: Bytes[32] = raw_call(
        _POWER,
        abi_encode(convert(32, uint256), convert(32, uint256), convert(32, uint256), base, exponent, _P),
        max_outsize=32,
        is_static_call=True,
    )
    return convert(answer, uint256)


@internal
@pure
def _combined(s: uint256, k: uint256, point: Point) -> Point:
    """
    @dev s·B + k·P, both scalars bit by bit from the highest, so that the doublings are shared.
    @param s Below the order.
    @param k Below the order.
    @param point P.
    @return Point The sum.
    """
    base: Point = Point(x=_BASE_X, y=_BASE_Y, z=1, t=_BASE_T)
    both: Point = self._sum(base, point)
    total: Point = Point(x=0, y=1, z=1, t=0)
    for place: uint256 in range(_BITS):
        total = self._double(total)
        bit: uint256 = 252 - place
        if (s >> bit) & 1 == 1:
            if (k >> bit) & 1 == 1:
                total = self._sum(total, both)
            else:
                total = self._sum(total, base)
        elif (k >> bit) & 1 == 1:
            total = self._sum(total, point)
    return total


@internal
@pure
def _double(point: Point) -> Point:
    """
    @dev dbl-2008-hwcd with a = -1. Differences are taken as sums with the field's negative.
    @param point The point.
    @return Point Twice the point.
    """
    a: uint256 = uint256_mulmod(point.x, point.x, _P)
    b: uint256 = uint256_mulmod(point.y, point.y, _P)
    c: uint256 = uint256_mulmod(2, uint256_mulmod(point.z, point.z, _P), _P)
    h: uint256 = unsafe_sub(_P, uint256_addmod(a, b, _P))
    sum: uint256 = uint256_addmod(point.x, point.y, _P)
    e: uint256 = uint256_addmod(uint256_mulmod(sum, sum, _P), h, _P)
    g: uint256 = uint256_addmod(b, unsafe_sub(_P, a), _P)
    f: uint256 = uint256_addmod(g, unsafe_sub(_P, c), _P)
    return Point(
        x=uint256_mulmod(e, f, _P),
        y=uint256_mulmod(g, h, _P),
        z=uint256_mulmod(f, g, _P),
        t=uint256_mulmod(e, h, _P),
    )


@internal
@pure
def _sum(one: Point, other: Point) -> Point:
    """
    @dev add-2008-hwcd-3: complete on this curve, so equal points and the neutral one need no case of their own.
    @param one A point.
    @param other A point.
    @return Point Their sum.
    """
    a: uint256 = uint256_mulmod(
        uint256_addmod(one.y, unsafe_sub(_P, one.x), _P), uint256_addmod(other.y, unsafe_sub(_P, other.x), _P), _P
    )
    b: uint256 = uint256_mulmod(uint256_addmod(one.y, one.x, _P), uint256_addmod(other.y, other.x, _P), _P)
    c: uint256 = uint256_mulmod(uint256_mulmod(one.t, _TWICE_D, _P), other.t, _P)
    d: uint256 = uint256_mulmod(2, uint256_mulmod(one.z, other.z, _P), _P)
    e: uint256 = uint256_addmod(b, unsafe_sub(_P, a), _P)
    f: uint256 = uint256_addmod(d, unsafe_sub(_P, c), _P)
    g: uint256 = uint256_addmod(d, c, _P)
    h: uint256 = uint256_addmod(b, a, _P)
    return Point(
        x=uint256_mulmod(e, f, _P),
        y=uint256_mulmod(g, h, _P),
        z=uint256_mulmod(f, g, _P),
        t=uint256_mulmod(e, h, _P),
    )


@internal
@pure
def _challenge(r: bytes32, public_key: bytes32, digest: bytes32) -> uint256:
    """
    @dev SHA-512 of 96 bytes, read as a little-endian number, modulo the order. 96 bytes and their padding are one block.
    @param r First 32 bytes.
    @param public_key Second.
    @param digest Third.
    @return uint256 Below the order.
    """
    words: uint256[80] = empty(uint256[80])
    inputs: uint256[3] = [convert(r, uint256), convert(public_key, uint256), convert(digest, uint256)]
    for place: uint256 in range(12):
        words[place] = (inputs[place // 4] >> (192 - 64 * (place % 4))) & _LONG
    words[12] = 1 << 63
    words[15] = 8 * 96
    for place: uint256 in range(16, 80):
        # A word beside itself, so that a rotation is a shift.
        early: uint256 = words[place - 15] | words[place - 15] << 64
        late: uint256 = words[place - 2] | words[place - 2] << 64
        small: uint256 = (early >> 1) ^ (early >> 8) ^ ((early & _LONG) >> 7)
        large: uint256 = (late >> 19) ^ (late >> 61) ^ ((late & _LONG) >> 6)
        words[place] = (words[place - 16] + (small & _LONG) + words[place - 7] + (large & _LONG)) & _LONG
    rounds: uint256[80] = _ROUNDS
    state: uint256[8] = _INITIAL
    a: uint256 = state[0]
    b: uint256 = state[1]
    c: uint256 = state[2]
    d: uint256 = state[3]
    e: uint256 = state[4]
    f: uint256 = state[5]
    g: uint256 = state[6]
    h: uint256 = state[7]
    for place: uint256 in range(80):
        doubled: uint256 = e | e << 64
        large: uint256 = ((doubled >> 14) ^ (doubled >> 18) ^ (doubled >> 41)) & _LONG
        first: uint256 = h + large + ((e & f) ^ (~e & _LONG & g)) + rounds[place] + words[place]
        doubled = a | a << 64
        small: uint256 = ((doubled >> 28) ^ (doubled >> 34) ^ (doubled >> 39)) & _LONG
        second: uint256 = small + ((a & b) ^ (a & c) ^ (b & c))
        h = g
        g = f
        f = e
        e = (d + first) & _LONG
        d = c
        c = b
        b = a
        a = (first + second) & _LONG
    # The digest as a little-endian number: its first half is the low one.
    low: uint256 = 0
    high: uint256 = 0
    final: uint256[8] = [a, b, c, d, e, f, g, h]
    for place: uint256 in range(4):
        low = low << 64 | (final[place] + state[place]) & _LONG
        high = high << 64 | (final[place + 4] + state[place + 4]) & _LONG
    low = self._reversed(low)
    high = self._reversed(high)
    return uint256_addmod(uint256_mulmod(high, _WORD_MODULO_ORDER, _ORDER), low, _ORDER)


@internal
@pure
def _reversed(word: uint256) -> uint256:
    """
    @dev The bytes of a word in the opposite order: halves change places, then quarters, down to bytes.
    @param word The word.
    @return uint256 The word from the other end.
    """
    turned: uint256 = word >> 128 | word << 128
    mask: uint256 = 2**64 - 1 | (2**64 - 1) << 128
    turned = (turned >> 64) & mask | (turned & mask) << 64
    mask = mask ^ mask << 32
    turned = (turned >> 32) & mask | (turned & mask) << 32
    mask = mask ^ mask << 16
    turned = (turned >> 16) & mask | (turned & mask) << 16
    mask = mask ^ mask << 8
    return (turned >> 8) & mask | (turned & mask) << 8
