/* Counter-based random numbers: Philox4x32-10 (Salmon, Moraes, Dror, Shaw, "Parallel random
 * numbers: as easy as 1, 2, 3", SC 2011).
 *
 * Key = the two words of the seed. Counter = (row low, row high, block, stream), so that a number
 * is a function of seed, row, stream and element alone. With the four words w0 … w3 of a block:
 * float numbers take w0, w1 (elements 2 block, 2 block + 1; w2, w3 are not used); double numbers
 * take the 64-bit words w0 + 2^32 w1 and w2 + 2^32 w3.
 * - uniform: (bits >> 8 + 1/2) 2^-24 of a 32-bit word, (bits >> 11 + 1/2) 2^-53 of a 64-bit word,
 *   so never 0 or 1 (a float rounds the largest to 1 - 2^-24);
 * - normal (Box and Muller 1958): with u from the first and v from the second word of the pair,
 *   r = sqrt(-2 log u), element 2 block = r cos(2 pi v), element 2 block + 1 = r sin(2 pi v). */
#ifndef FK_RANDOM_H
#define FK_RANDOM_H
#include "fk_math.h"

/* The four words of one block for `count` rows, of which `rows` has the numbers; inlined, so that
 * `count` is known. */
FK_INLINE void fk_philox_rows(int count, uint32_t key0, uint32_t key1, const uint64_t *rows,
                              uint32_t block, uint32_t stream, uint32_t words[4][FK_TILE]) {
  for (int i = 0; i < count; i++) {
    words[0][i] = (uint32_t)rows[i];
    words[1][i] = (uint32_t)(rows[i] >> 32);
    words[2][i] = block;
    words[3][i] = stream;
  }
  FK_LOOP for (int round = 0; round < 10; round++) {
    for (int i = 0; i < count; i++) {
      uint64_t a = (uint64_t)words[0][i] * 0xD2511F53u;
      uint64_t b = (uint64_t)words[2][i] * 0xCD9E8D57u;
      uint32_t x = (uint32_t)(b >> 32) ^ words[1][i] ^ key0;
      uint32_t y = (uint32_t)(a >> 32) ^ words[3][i] ^ key1;
      words[0][i] = x;
      words[1][i] = (uint32_t)b;
      words[2][i] = y;
      words[3][i] = (uint32_t)a;
    }
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}
/* The same for all rows of a tile, or for its first vector. */
FK_OUTLINE void fk_philox(int width, uint32_t key0, uint32_t key1, const uint64_t rows[FK_TILE],
                          uint32_t block, uint32_t stream, uint32_t words[4][FK_TILE]) {
  if (width == FK_TILE)
    fk_philox_rows(FK_TILE, key0, key1, rows, block, stream, words);
  else
    fk_philox_rows(FK_LANES, key0, key1, rows, block, stream, words);
}

/* Uniform numbers in (0, 1) from one word of each row (low and high word for doubles). */
FK_INLINE fk_vec fk_unit(const uint32_t *low, const uint32_t *high) {
  fk_vec u;
  for (int i = 0; i < FK_LANES; i++) {
#ifdef FK_DOUBLE
    uint64_t bits = (uint64_t)low[i] | ((uint64_t)high[i] << 32);
    u[i] = ((double)(int64_t)(bits >> 11) + 0.5) * 0x1p-53;
#else
    (void)high;
    u[i] = ((float)(int32_t)(low[i] >> 8) + 0.5f) * 0x1p-24f;
#endif
  }
  fk_real largest = sizeof(fk_real) == 8 ? (fk_real)(1 - 0x1p-53) : (fk_real)(1 - 0x1p-24);
  return fk_select(u < 1, u, fk_splat(largest));
}

/* Elements [0, n) of a row value: standard normal if `normal`, else uniform on (0, 1). Row i of the
 * tile is row numbers[i] of the sample, or if `numbers` is NULL row first_row + i. The rows beyond the
 * `valid` ones, up to `width`, repeat the last of those, so that no search waits for them. */
FK_OUTLINE void fk_random(int normal, uint32_t key0, uint32_t key1, uint64_t first_row,
                          const int64_t *numbers, int64_t valid, uint32_t stream, int n, int width,
                          fk_real *tile) {
  uint32_t words[4][FK_TILE] __attribute__((aligned(64)));
  uint64_t rows[FK_TILE] __attribute__((aligned(64)));
  for (int i = 0; i < FK_TILE && (i < width || i < FK_LANES); i++) {
    const int64_t row = i < valid ? i : valid - 1;
    rows[i] = numbers ? (uint64_t)numbers[row] : first_row + (uint64_t)row;
  }
  for (int e = 0; e < n; e += 2) {
    fk_philox(width, key0, key1, rows, (uint32_t)(e / 2), stream, words);
    int second = sizeof(fk_real) == 8 ? 2 : 1;
    for (int v = 0; v < width; v += FK_LANES) {
      fk_vec u = fk_unit(words[0] + v, words[1] + v);
      fk_vec w = fk_unit(words[second] + v, words[3] + v);
      if (normal) {
        fk_vec r = fk_sqrt(fk_log(u) * -2);
        /* cos and sin of 2 pi w: the quarter turn is taken off exactly. */
        fk_vec turns = w * 4 + FK_ROUND, n4 = turns - FK_ROUND;
        fk_int q = (fk_int)turns - (fk_int)fk_splat(FK_ROUND);
        fk_vec t = (w * 4 - n4) * (fk_real)1.5707963267948966;
        fk_vec s = fk_sin_small(t), c = fk_cos_small(t);
        fk_vec cosine = fk_select((q & 1) != 0, s, c), sine = fk_select((q & 1) != 0, c, s);
        u = r * fk_select(((q + 1) & 2) != 0, -cosine, cosine);
        w = r * fk_select((q & 2) != 0, -sine, sine);
      }
      fk_store(tile + (int64_t)e * FK_TILE + v, u);
      if (e + 1 < n)
        fk_store(tile + (int64_t)(e + 1) * FK_TILE + v, w);
    }
  }
}

/* Elements [begin, end) of a tensor that all rows share: element i is what row i has first. */
FK_OUTLINE void fk_random_shared(int normal, uint32_t key0, uint32_t key1, uint32_t stream,
                                 int64_t begin, int64_t end, fk_real *out) {
  fk_real tile[FK_TILE] __attribute__((aligned(64)));
  for (int64_t start = begin; start < end; start += FK_TILE) {
    fk_random(normal, key0, key1, (uint64_t)start, 0, FK_TILE, stream, 1, FK_TILE, tile);
    for (int64_t i = 0; i < FK_TILE && start + i < end; i++)
      out[start + i] = tile[i];
  }
}
#endif
