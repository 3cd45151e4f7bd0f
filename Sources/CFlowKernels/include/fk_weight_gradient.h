/* The gradient of a weight matrix on one tile: gw[o, i] (+)= sum over rows of gy[o] x[i].
 *
 * The layer's input is transposed once per tile, so that the lanes run over inputs; the sum over
 * the tile's rows stays in registers, rows outputs by up to four vectors of inputs. A few inputs
 * that would fill a small part of a vector are multiplied with the lanes over rows. */
#ifndef FK_WEIGHT_GRADIENT_H
#define FK_WEIGHT_GRADIENT_H
#include "fk_row.h"
#include "fk_tile.h"

/* Elements [0, n) of a tile to row-major order, `stride` (a multiple of FK_LANES) numbers a row;
 * zeros up to a whole vector. */
FK_OUTLINE void fk_transpose_tile(const fk_real *x, int n, fk_real *xt, int stride) {
  for (int e0 = 0; e0 < n; e0 += FK_LANES)
    for (int r0 = 0; r0 < FK_TILE; r0 += FK_LANES) {
      fk_vec block[FK_LANES];
      FK_UNROLL
      for (int i = 0; i < FK_LANES; i++)
        block[i] = e0 + i < n ? fk_load(x + (int64_t)(e0 + i) * FK_TILE + r0) : (fk_vec){0};
      fk_transpose_block(block);
      FK_UNROLL
      for (int i = 0; i < FK_LANES; i++)
        fk_store(xt + (int64_t)(r0 + i) * stride + e0, block[i]);
    }
}

/* Elements [0, n) of x in the rows where the condition holds, zeros in the others: x itself if it
 * holds in all rows of the tile. */
FK_OUTLINE const fk_real *fk_chosen_rows(const fk_real *condition, const fk_real *x, int n,
                                         fk_real *target) {
  fk_word all = -1;
  for (int r = 0; r < FK_TILE; r += FK_LANES) {
    fk_int holds = fk_load_int(condition + r);
    FK_UNROLL for (int i = 0; i < FK_LANES; i++) all &= holds[i];
  }
  if (all)
    return x;
  for (int e = 0; e < n; e++)
    for (int r = 0; r < FK_TILE; r += FK_LANES) {
      int64_t at = (int64_t)e * FK_TILE + r;
      fk_store(target + at, fk_select(fk_load_int(condition + r), fk_load(x + at), fk_splat(0)));
    }
  return target;
}

/* Takes four rows between two branches where a panel takes several inputs (FK_PANEL_INPUTS in fk_gemm.h). */
#ifndef FK_AVX2
#define FK_BLOCK_LOOP
#elif defined(__clang__)
#define FK_BLOCK_LOOP _Pragma("clang loop unroll_count(4)")
#else
#define FK_BLOCK_LOOP _Pragma("GCC unroll 4")
#endif
#define FK_DEFINE_BLOCK(ROWS, VECTORS)                                                             \
  FK_OUTLINE void fk_block_##ROWS##_##VECTORS(const fk_real *restrict gy,                          \
                                              const fk_real *restrict xt, int stride,              \
                                              fk_real *restrict gw, int accumulate) {              \
    fk_vec acc[ROWS][VECTORS];                                                                     \
    FK_UNROLL for (int o = 0; o < ROWS; o++) FK_UNROLL for (int v = 0; v < VECTORS; v++) {         \
      __builtin_prefetch(gw + (int64_t)o * stride + v * FK_LANES, 1);                              \
      acc[o][v] = (fk_vec){0};                                                                     \
    }                                                                                              \
    FK_BLOCK_LOOP for (int r = 0; r < FK_TILE; r++) {                                              \
      fk_vec in[VECTORS];                                                                          \
      FK_UNROLL for (int v = 0; v < VECTORS; v++) in[v] = fk_load(xt + v * FK_LANES);              \
      FK_UNROLL for (int o = 0; o < ROWS; o++) {                                                   \
        fk_vec g = fk_splat(gy[o * FK_TILE + r]);                                                  \
        FK_UNROLL for (int v = 0; v < VECTORS; v++) acc[o][v] += g * in[v];                        \
      }                                                                                            \
      xt += stride;                                                                                \
    }                                                                                              \
    FK_UNROLL for (int o = 0; o < ROWS; o++) FK_UNROLL for (int v = 0; v < VECTORS; v++) {         \
      fk_real *out = gw + (int64_t)o * stride + v * FK_LANES;                                      \
      fk_store(out, accumulate ? fk_load(out) + acc[o][v] : acc[o][v]);                            \
    }                                                                                              \
  }
#define FK_DEFINE_BLOCKS(ROWS)                                                                     \
  FK_DEFINE_BLOCK(ROWS, 1)                                                                         \
  FK_DEFINE_BLOCK(ROWS, 2)                                                                         \
  FK_DEFINE_BLOCK(ROWS, 3)                                                                         \
  FK_DEFINE_BLOCK(ROWS, 4)                                                                         \
  FK_INLINE void fk_blocks_##ROWS(const fk_real *gy, const fk_real *xt, int stride, int vectors,   \
                                  fk_real *gw, int accumulate) {                                   \
    if (FK_VECTORS < 4)                                                                            \
      for (; vectors > 2; vectors -= 2, xt += 2 * FK_LANES, gw += 2 * FK_LANES)                    \
        fk_block_##ROWS##_2(gy, xt, stride, gw, accumulate);                                       \
    for (; vectors >= 4; vectors -= 4, xt += 4 * FK_LANES, gw += 4 * FK_LANES)                     \
      fk_block_##ROWS##_4(gy, xt, stride, gw, accumulate);                                         \
    if (vectors == 3)                                                                              \
      fk_block_##ROWS##_3(gy, xt, stride, gw, accumulate);                                         \
    if (vectors == 2)                                                                              \
      fk_block_##ROWS##_2(gy, xt, stride, gw, accumulate);                                         \
    if (vectors == 1)                                                                              \
      fk_block_##ROWS##_1(gy, xt, stride, gw, accumulate);                                         \
  }
FK_DEFINE_BLOCKS(1)
FK_DEFINE_BLOCKS(2)
FK_DEFINE_BLOCKS(3)
FK_DEFINE_BLOCKS(4)
FK_DEFINE_BLOCKS(5)
FK_DEFINE_BLOCKS(6)

/* The gradients of INPUTS weights of each of `rows` outputs, a vector of them at a time. */
#define FK_DEFINE_DOTS(INPUTS)                                                                     \
  FK_OUTLINE void fk_dots_##INPUTS(const fk_real *restrict gy, const fk_real *restrict x,          \
                                   int rows, int stride, fk_real *restrict gw, int accumulate) {   \
    enum { OUTPUTS = FK_LANES / INPUTS };                                                          \
    for (; rows > 0; rows -= OUTPUTS) {                                                            \
      fk_vec block[FK_LANES] = {0};                                                                \
      FK_UNROLL for (int o = 0; o < OUTPUTS; o++) {                                                \
        __builtin_prefetch(gw + (int64_t)o * stride, 1);                                           \
        const fk_real *g = gy + (int64_t)(o < rows ? o : 0) * FK_TILE;                             \
        FK_UNROLL for (int i = 0; i < INPUTS; i++)                                                 \
            FK_UNROLL for (int r = 0; r < FK_TILE; r += FK_LANES) block[o * INPUTS + i] +=         \
            fk_load(g + r) * fk_load(x + i * FK_TILE + r);                                         \
      }                                                                                            \
      fk_real sums[FK_LANES];                                                                      \
      fk_storeu(sums, fk_sum_lanes(block));                                                        \
      FK_UNROLL for (int o = 0; o < OUTPUTS; o++) if (o < rows)                                    \
          FK_UNROLL for (int i = 0; i < INPUTS; i++) {                                             \
        fk_real *out = gw + (int64_t)o * stride + i;                                               \
        *out = accumulate ? *out + sums[o * INPUTS + i] : sums[o * INPUTS + i];                    \
      }                                                                                            \
      gy += (int64_t)OUTPUTS * FK_TILE;                                                            \
      gw += (int64_t)OUTPUTS * stride;                                                             \
    }                                                                                              \
  }
FK_DEFINE_DOTS(1)
FK_DEFINE_DOTS(2)
#if FK_LANES >= 4
FK_DEFINE_DOTS(3)
FK_DEFINE_DOTS(4)
#endif

/* The number of outputs, one after another, that see the same inputs as a block's, it included. */
FK_INLINE int fk_alike(const fk_panel *b, const fk_panel *last) {
  int rows = b->rows;
  for (const fk_panel *next = b + 1;
       next < last && next->first == b->first && next->k == b->k && next->row == b->row + rows;
       next++)
    rows += next->rows;
  return rows;
}

/* How many of the last inputs of some outputs are too few for a vector. */
FK_INLINE int fk_few(const fk_panel *b, int rows) {
  int end = b->first + b->k, start = end / FK_LANES * FK_LANES;
  int few = end - (start > b->first ? start : b->first);
  /* Beside many vectors one more takes little. */
  if (few == 0 || few > 4 || few > FK_LANES || b->k > 5 * FK_LANES)
    return 0;
  /* In vector operations: products and sums over lanes, or a transposed vector for each row. */
  int outputs = FK_LANES / few, turns = (rows + outputs - 1) / outputs;
  int dots = turns * (outputs * few * (FK_TILE / FK_LANES) + 5 * FK_LANES);
  return dots < rows * FK_TILE ? few : 0;
}

FK_INLINE void fk_dots(int inputs, const fk_real *gy, const fk_real *x, int rows, int stride,
                       fk_real *gw, int accumulate) {
  switch (inputs) {
  case 1: fk_dots_1(gy, x, rows, stride, gw, accumulate); break;
  case 2: fk_dots_2(gy, x, rows, stride, gw, accumulate); break;
#if FK_LANES >= 4
  case 3: fk_dots_3(gy, x, rows, stride, gw, accumulate); break;
  case 4: fk_dots_4(gy, x, rows, stride, gw, accumulate); break;
#endif
  }
}

/* All blocks of a layer with `inputs` elements x; xt is memory for them in transposed order. gw has
 * `stride` numbers a row, as xt; entries beside a block's inputs may be written too, up to whole
 * vectors, and mean nothing. */
FK_OUTLINE void fk_weight_gradient(const fk_real *gy, const fk_real *x, int inputs, fk_real *xt,
                                   int stride, const fk_panel *blocks, int count, fk_real *gw,
                                   int accumulate) {
  const fk_panel *const last = blocks + count;
  int transposed = 0;
  for (const fk_panel *b = blocks; b < last;) {
    const int rows = fk_alike(b, last), few = fk_few(b, rows);
    const int from = b->first + b->k - few, start = b->first / FK_LANES * FK_LANES;
    const int vectors = from > b->first ? (from - start + FK_LANES - 1) / FK_LANES : 0;
    if (few)
      fk_dots(few, gy + (int64_t)b->row * FK_TILE, x + (int64_t)from * FK_TILE, rows, stride,
              gw + (int64_t)b->row * stride + from, accumulate);
    if (vectors && !transposed) {
      fk_transpose_tile(x, inputs, xt, stride);
      transposed = 1;
    }
    for (int end = b->row + rows; b < last && b->row < end; b++) {
      const fk_real *g = gy + (int64_t)b->row * FK_TILE;
      fk_real *out = gw + (int64_t)b->row * stride + start;
      if (vectors == 0)
        continue;
      switch (b->rows) {
      case 1: fk_blocks_1(g, xt + start, stride, vectors, out, accumulate); break;
      case 2: fk_blocks_2(g, xt + start, stride, vectors, out, accumulate); break;
      case 3: fk_blocks_3(g, xt + start, stride, vectors, out, accumulate); break;
      case 4: fk_blocks_4(g, xt + start, stride, vectors, out, accumulate); break;
      case 5: fk_blocks_5(g, xt + start, stride, vectors, out, accumulate); break;
      default: fk_blocks_6(g, xt + start, stride, vectors, out, accumulate); break;
      }
    }
  }
}
#endif
