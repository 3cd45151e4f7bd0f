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

/* 32-bit words of as many rows as a whole vector has room for, their products, and the words of the
 * rows of a vector of numbers. */
enum { FK_WORDS = FK_BYTES / 4 };
typedef uint32_t fk_words __attribute__((vector_size(FK_BYTES), may_alias));
typedef uint64_t fk_products __attribute__((vector_size(FK_BYTES)));
typedef uint32_t fk_row_words __attribute__((vector_size(4 * FK_LANES), may_alias));

/* The low and the high words of the products with a factor, of even and of odd words apart. */
FK_INLINE fk_words fk_multiply_words(fk_words x, uint32_t factor, fk_words *high) {
  const fk_products low = (fk_products){0} + 0xFFFFFFFFu;
  fk_products even = ((fk_products)x & low) * factor, odd = ((fk_products)x >> 32) * factor;
  *high = (fk_words)((even >> 32) | (odd & ~low));
  return (fk_words)((even & low) | (odd << 32));
}

/* The four words of one block for FK_WORDS rows. */
FK_INLINE void fk_philox(uint32_t key0, uint32_t key1, fk_words words[4]) {
  FK_UNROLL
  for (int round = 0; round < 10; round++) {
    fk_words a, b;
    fk_words low_a = fk_multiply_words(words[0], 0xD2511F53u, &a);
    fk_words low_b = fk_multiply_words(words[2], 0xCD9E8D57u, &b);
    words[0] = b ^ words[1] ^ key0;
    words[1] = low_b;
    words[2] = a ^ words[3] ^ key1;
    words[3] = low_a;
    key0 += 0x9E3779B9u;
    key1 += 0xBB67AE85u;
  }
}

/* Uniform numbers in (0, 1) from one word of each row (low and high word for doubles). */
FK_INLINE fk_vec fk_unit(const fk_row_words *low, const fk_row_words *high) {
#ifdef FK_DOUBLE
  fk_int bits = __builtin_convertvector(*low >> 11, fk_int) |
                (__builtin_convertvector(*high, fk_int) << 21);
#else
  (void)high;
  fk_int bits = (fk_int)(*low >> 8);
#endif
  const fk_real unit = sizeof(fk_real) == 8 ? (fk_real)0x1p-53 : (fk_real)0x1p-24;
  fk_vec u = (fk_to_real(bits) + (fk_real)0.5) * unit;
  fk_real largest = sizeof(fk_real) == 8 ? (fk_real)(1 - 0x1p-53) : (fk_real)(1 - 0x1p-24);
  return fk_select(u < 1, u, fk_splat(largest));
}

/* Two normal numbers in the place of two uniform ones. */
FK_INLINE void fk_normal_pair(fk_vec *u, fk_vec *w) {
  fk_vec r = fk_sqrt(fk_log(*u) * -2);
  /* cos and sin of 2 pi w: the quarter turn is taken off exactly. */
  fk_vec turns = *w * 4 + FK_ROUND, n4 = turns - FK_ROUND;
  fk_int q = (fk_int)turns - (fk_int)fk_splat(FK_ROUND);
  fk_vec t = (*w * 4 - n4) * (fk_real)1.5707963267948966;
  fk_vec s = fk_sin_small(t), c = fk_cos_small(t);
  fk_vec cosine = fk_select((q & 1) != 0, s, c), sine = fk_select((q & 1) != 0, c, s);
  *u = r * fk_select(((q + 1) & 2) != 0, -cosine, cosine);
  *w = r * fk_select((q & 2) != 0, -sine, sine);
}

/* Elements [0, n) of a row value: standard normal if `normal`, else uniform on (0, 1). Row i of the
 * tile is row numbers[i] of the sample, or if `numbers` is NULL row first_row + i. The rows beyond the
 * `valid` ones, up to `width`, repeat the last of those, so that no search waits for them. */
FK_OUTLINE void fk_random(int normal, uint32_t key0, uint32_t key1, uint64_t first_row,
                          const int64_t *numbers, int64_t valid, uint32_t stream, int n, int width,
                          fk_real *tile) {
  uint32_t low[FK_TILE] __attribute__((aligned(64))), high[FK_TILE] __attribute__((aligned(64)));
  for (int i = 0; i < FK_TILE && (i < width || i < FK_WORDS); i++) {
    const int64_t row = i < valid ? i : valid - 1;
    const uint64_t number = numbers ? (uint64_t)numbers[row] : first_row + (uint64_t)row;
    low[i] = (uint32_t)number;
    high[i] = (uint32_t)(number >> 32);
  }
  /* The word of the second number of a pair, and how many vectors of numbers a vector serves. */
  const int second = sizeof(fk_real) == 8 ? 2 : 1, parts = FK_WORDS / FK_LANES;
  for (int e = 0; e < n; e += 2) {
    for (int start = 0; start < width; start += FK_WORDS) {
      fk_words words[4] = {*(fk_words *)(low + start), *(fk_words *)(high + start),
                           (fk_words){0} + (uint32_t)(e / 2), (fk_words){0} + stream};
      fk_philox(key0, key1, words);
      for (int v = start; v < start + FK_WORDS && v < width; v += FK_LANES) {
        const fk_row_words *own = (fk_row_words *)words + (v - start) / FK_LANES;
        fk_vec u = fk_unit(own, own + parts);
        fk_vec w = fk_unit(own + second * parts, own + 3 * parts);
        if (normal)
          fk_normal_pair(&u, &w);
        fk_store(tile + (int64_t)e * FK_TILE + v, u);
        if (e + 1 < n)
          fk_store(tile + (int64_t)(e + 1) * FK_TILE + v, w);
      }
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
