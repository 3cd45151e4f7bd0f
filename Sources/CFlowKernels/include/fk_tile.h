/* Moving rows between row-major arrays and feature-major tiles, and sums over a tile's rows. */
#ifndef FK_TILE_H
#define FK_TILE_H
#include "fk_base.h"

/* Rows [0, valid) of a row-major array with n numbers a row to tile elements [0, n); the rows beyond,
 * up to `width`, repeat the last valid one, so that every lane computes with real data. */
FK_OUTLINE void fk_load_tile(const fk_real *source, int n, int64_t valid, int width,
                             fk_real *tile) {
  int rows = valid < FK_TILE ? (int)valid : FK_TILE;
  for (int e0 = 0; e0 < n; e0 += 16) {
    int e1 = e0 + 16 < n ? e0 + 16 : n;
    for (int r0 = 0; r0 < rows; r0 += 8) {
      int r1 = r0 + 8 < rows ? r0 + 8 : rows;
      for (int e = e0; e < e1; e++)
        for (int r = r0; r < r1; r++)
          tile[(int64_t)e * FK_TILE + r] = source[(int64_t)r * n + e];
    }
  }
  for (int e = 0; e < n; e++)
    for (int r = rows; r < width; r++)
      tile[(int64_t)e * FK_TILE + r] = tile[(int64_t)e * FK_TILE + rows - 1];
}

/* The reverse: the valid rows of tile elements [0, n) to a row-major array. */
FK_OUTLINE void fk_store_tile(const fk_real *tile, int n, int64_t valid, fk_real *target) {
  int rows = valid < FK_TILE ? (int)valid : FK_TILE;
  for (int e0 = 0; e0 < n; e0 += 16) {
    int e1 = e0 + 16 < n ? e0 + 16 : n;
    for (int r0 = 0; r0 < rows; r0 += 8) {
      int r1 = r0 + 8 < rows ? r0 + 8 : rows;
      for (int r = r0; r < r1; r++)
        for (int e = e0; e < e1; e++)
          target[(int64_t)r * n + e] = tile[(int64_t)e * FK_TILE + r];
    }
  }
}

/* The tile's rows from `valid` on become zero in elements [0, n). */
FK_OUTLINE void fk_clear_rows(fk_real *tile, int n, int64_t valid) {
  for (int e = 0; e < n; e++)
    for (int r = (int)valid; r < FK_TILE; r++)
      tile[(int64_t)e * FK_TILE + r] = 0;
}

/* sums[e] += the sum over the first `valid` rows of element e: the tile's vectors are added lane by
 * lane, then the lanes in double, in a fixed order. */
FK_OUTLINE void fk_add_row_sums(const fk_real *tile, int n, int64_t valid, double *sums) {
  if (valid < FK_TILE) {
    for (int e = 0; e < n; e++)
      for (int r = 0; r < (int)valid; r++)
        sums[e] += (double)tile[(int64_t)e * FK_TILE + r];
    return;
  }
  for (int e = 0; e < n; e++) {
    fk_vec sum = fk_load(tile + (int64_t)e * FK_TILE);
    FK_UNROLL
    for (int v = 1; v < FK_VECTORS; v++)
      sum += fk_load(tile + (int64_t)e * FK_TILE + v * FK_LANES);
    double partial[4] = {0};
    FK_UNROLL
    for (int i = 0; i < FK_LANES; i++)
      partial[i & 3] += (double)sum[i];
    sums[e] += (partial[0] + partial[1]) + (partial[2] + partial[3]);
  }
}
#endif
