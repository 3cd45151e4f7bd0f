/* Moving rows between row-major arrays and feature-major tiles, and sums over a tile's rows. */
#ifndef FK_TILE_H
#define FK_TILE_H
#include "fk_vector.h"

/* For each bit s of the row and lane numbers, what two vectors of a block become when the bits are
 * swapped: EACH(s, lanes of the lower, lanes of the upper). */
#define FK_LIST(...) __VA_ARGS__
#if FK_LANES == 2
#define FK_EACH_BIT(EACH) EACH(1, FK_LIST(0, 2), FK_LIST(1, 3))
#elif FK_LANES == 4
#define FK_EACH_BIT(EACH)                                                                          \
  EACH(1, FK_LIST(0, 4, 2, 6), FK_LIST(1, 5, 3, 7))                                                \
  EACH(2, FK_LIST(0, 1, 4, 5), FK_LIST(2, 3, 6, 7))
#elif FK_LANES == 8
#define FK_EACH_BIT(EACH)                                                                          \
  EACH(1, FK_LIST(0, 8, 2, 10, 4, 12, 6, 14), FK_LIST(1, 9, 3, 11, 5, 13, 7, 15))                  \
  EACH(2, FK_LIST(0, 1, 8, 9, 4, 5, 12, 13), FK_LIST(2, 3, 10, 11, 6, 7, 14, 15))                  \
  EACH(4, FK_LIST(0, 1, 2, 3, 8, 9, 10, 11), FK_LIST(4, 5, 6, 7, 12, 13, 14, 15))
#else
#define FK_EACH_BIT(EACH)                                                                          \
  EACH(1, FK_LIST(0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30),                      \
       FK_LIST(1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31))                         \
  EACH(2, FK_LIST(0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29),                       \
       FK_LIST(2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31))                        \
  EACH(4, FK_LIST(0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27),                       \
       FK_LIST(4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31))                        \
  EACH(8, FK_LIST(0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23),                         \
       FK_LIST(8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31))
#endif

/* Transposes a square block of vectors in registers, one bit of the indices after the other. */
#define FK_SWAP(s, LOW, HIGH)                                                                      \
  FK_UNROLL for (int i = 0; i < FK_LANES; i++) if (!(i & s)) {                                     \
    fk_vec a = block[i], b = block[i + s];                                                         \
    block[i] = __builtin_shufflevector(a, b, LOW);                                                 \
    block[i + s] = __builtin_shufflevector(a, b, HIGH);                                            \
  }
FK_INLINE void fk_transpose_block(fk_vec block[FK_LANES]) { FK_EACH_BIT(FK_SWAP) }

/* Lane i is the sum of the lanes of vector i, made in pairs. */
#define FK_FOLD(s, LOW, HIGH)                                                                      \
  FK_UNROLL for (int i = 0; i < FK_LANES; i += 2 * s) {                                            \
    fk_vec a = block[i], b = block[i + s];                                                         \
    block[i] = __builtin_shufflevector(a, b, LOW) + __builtin_shufflevector(a, b, HIGH);           \
  }
FK_INLINE fk_vec fk_sum_lanes(fk_vec block[FK_LANES]) {
  FK_EACH_BIT(FK_FOLD)
  return block[0];
}

/* Rows [0, valid) of a row-major array with n numbers a row to tile elements [0, n); the rows
 * beyond, up to `width`, repeat the last valid one, so that every lane computes with real data.
 * Squares of numbers are transposed in registers; what a row's last vector reads of the next row is
 * dropped. */
FK_OUTLINE void fk_load_tile(const fk_real *source, int n, int64_t valid, int width,
                             fk_real *tile) {
  const int rows = valid < FK_TILE ? (int)valid : FK_TILE;
  const int64_t count = (int64_t)rows * n, last = count < FK_LANES ? 0 : count - FK_LANES;
  /* The last vector's numbers with zeros behind them, for vectors that would reach beyond the array. */
  fk_real end[2 * FK_LANES];
  for (int i = 0; i < 2 * FK_LANES; i++)
    end[i] = last + i < count ? source[last + i] : 0;
  for (int r0 = 0; r0 < width; r0 += FK_LANES) {
    int e0 = 0;
    /* Whole squares of rows that are there. */
    for (; r0 + FK_LANES <= rows && e0 + FK_LANES <= n; e0 += FK_LANES) {
      fk_vec block[FK_LANES];
      FK_UNROLL
      for (int i = 0; i < FK_LANES; i++)
        block[i] = fk_loadu(source + (int64_t)(r0 + i) * n + e0);
      fk_transpose_block(block);
      FK_UNROLL
      for (int i = 0; i < FK_LANES; i++)
        fk_store(tile + (int64_t)(e0 + i) * FK_TILE + r0, block[i]);
    }
    for (; e0 < n; e0 += FK_LANES) {
      fk_vec block[FK_LANES];
      FK_UNROLL
      for (int i = 0; i < FK_LANES; i++) {
        const int64_t at = (int64_t)(r0 + i < rows ? r0 + i : rows - 1) * n + e0;
        block[i] = fk_loadu(at + FK_LANES > count ? end + (at - last) : source + at);
      }
      fk_transpose_block(block);
      const int elements = n - e0 < FK_LANES ? n - e0 : FK_LANES;
      for (int i = 0; i < elements; i++)
        fk_store(tile + (int64_t)(e0 + i) * FK_TILE + r0, block[i]);
    }
  }
  /* The next tile's rows most likely lie behind these; a tile's work is too long for the processor to
   * foresee that it goes on there. */
  if (rows == FK_TILE)
    for (int64_t i = 0; i < count; i += 64 / (int64_t)sizeof(fk_real))
      __builtin_prefetch((const void *)((uintptr_t)(source + count) + (uintptr_t)i * sizeof(fk_real)),
                         0, 2);
}

/* As fk_load_tile for the rows from `row` on, where row r has the numbers of row r / size of the
 * array. Nothing beyond the array's row of the last valid one is read. */
FK_OUTLINE void fk_load_groups(const fk_real *source, int n, int64_t row, int64_t size,
                               int64_t valid, int width, fk_real *tile) {
  if (size == 1) {
    fk_load_tile(source + row * n, n, valid, width, tile);
    return;
  }
  int64_t group = row / size, place = row % size;
  source += group * n;
  if (place + valid <= size) {
    for (int e = 0; e < n; e++)
      for (int v = 0; v < width; v += FK_LANES)
        fk_store(tile + (int64_t)e * FK_TILE + v, fk_splat(source[e]));
    return;
  }
  for (int r = 0; r < width; r++) {
    for (int e = 0; e < n; e++)
      tile[(int64_t)e * FK_TILE + r] = source[e];
    if (r + 1 < valid && ++place == size) {
      place = 0;
      source += n;
    }
  }
}

/* The reverse: the valid rows of tile elements [0, n) to a row-major array. What a row's last
 * vector writes into the next row is overwritten after, so last columns go first and rows in order.
 */
FK_OUTLINE void fk_store_tile(const fk_real *tile, int n, int64_t valid, fk_real *target) {
  int rows = valid < FK_TILE ? (int)valid : FK_TILE;
  if (n == 1) {
    __builtin_memcpy(target, tile, (size_t)rows * sizeof(fk_real));
    return;
  }
  int64_t count = (int64_t)rows * n;
  for (int e0 = (n - 1) / FK_LANES * FK_LANES; e0 >= 0; e0 -= FK_LANES)
    for (int r0 = 0; r0 < rows; r0 += FK_LANES) {
      fk_vec block[FK_LANES];
      int end = n - e0 < FK_LANES ? n - e0 : FK_LANES;
      for (int i = 0; i < FK_LANES; i++)
        block[i] = fk_load(tile + (int64_t)(e0 + (i < end ? i : 0)) * FK_TILE + r0);
      fk_transpose_block(block);
      for (int i = 0; i < FK_LANES && r0 + i < rows; i++) {
        int64_t at = (int64_t)(r0 + i) * n + e0;
        if (at + FK_LANES <= count)
          fk_storeu(target + at, block[i]);
        else
          fk_store_part(target + at, block[i], end);
      }
    }
}

/* The tile's rows from `valid` on become zero in elements [0, n). */
FK_OUTLINE void fk_clear_rows(fk_real *tile, int n, int64_t valid) {
  for (int e = 0; e < n; e++)
    for (int r = (int)valid; r < FK_TILE; r++)
      tile[(int64_t)e * FK_TILE + r] = 0;
}

/* sums[e] += the sum over the first `valid` rows of element e: a tile's in pairs, those of tiles in
 * double. */
FK_OUTLINE void fk_add_row_sums(const fk_real *tile, int n, int64_t valid, double *sums) {
  if (valid < FK_TILE) {
    for (int e = 0; e < n; e++)
      for (int r = 0; r < (int)valid; r++)
        sums[e] += (double)tile[(int64_t)e * FK_TILE + r];
    return;
  }
  for (int e0 = 0; e0 < n; e0 += FK_LANES) {
    fk_vec block[FK_LANES];
    FK_UNROLL
    for (int i = 0; i < FK_LANES; i++) {
      const fk_real *x = tile + (int64_t)(e0 + (e0 + i < n ? i : 0)) * FK_TILE;
      block[i] = fk_load(x);
      FK_UNROLL
      for (int v = FK_LANES; v < FK_TILE; v += FK_LANES)
        block[i] += fk_load(x + v);
    }
    fk_real sum[FK_LANES];
    fk_storeu(sum, fk_sum_lanes(block));
    if (e0 + FK_LANES <= n)
      for (int i = 0; i < FK_LANES; i++)
        sums[e0 + i] += (double)sum[i];
    else
      for (int i = 0; e0 + i < n; i++)
        sums[e0 + i] += (double)sum[i];
  }
}
#endif
