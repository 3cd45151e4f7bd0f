/* The panel product of the linear layers, y = W x + b on one tile.
 *
 * A panel is up to six outputs that see the same inputs [first, first + k). Its weights are packed
 * in reading order, [bias: rows][k][rows], so that each is loaded once per tile and used for all
 * of the tile's rows from registers (Goto, van de Geijn, "Anatomy of high-performance matrix
 * multiplication", 2008, with the roles of lanes and broadcasts swapped).
 *
 * Small panels of the same inputs are packed side by side, [1 + k][stride], so that products of one row,
 * whose lanes are outputs, load whole vectors; `stride` is then the numbers of all of them. */
#ifndef FK_GEMM_H
#define FK_GEMM_H
#include "fk_pack.h"

/* How far ahead of the product weights are asked for, in bytes. The panels of a layer lie one after the
 * other, so that this is the next panel's start near a panel's end; the processor's own prefetching stops
 * at each page. It matters where the weights do not fit in the caches: 1.4 times as fast from memory. */
#define FK_AHEAD 2048

/* How many vectors of rows a panel of so many outputs takes at a time. Their sums should be so many as
 * hide the latency of a multiply-add, eight or more, and fit in the registers beside an output's factor
 * and the inputs, or an input and the outputs' factors, whichever are fewer. SSE has no fused
 * multiply-add, and needs a register for a product too. */
#if defined(__AVX512F__) || defined(__aarch64__)
#define FK_PANEL_VECTORS(ROWS) (FK_TILE < FK_BLOCK ? FK_TILE / FK_LANES : FK_VECTORS)
#elif defined(FK_AVX2)
#define FK_PANEL_VECTORS(ROWS) (ROWS == 1 ? 8 : ROWS <= 3 ? 4 : ROWS == 4 ? 3 : 2)
#else
#define FK_PANEL_VECTORS(ROWS) (ROWS == 1 ? 8 : ROWS == 2 ? 4 : 2)
#endif

/* How many inputs a block of so many vectors takes between two branches. With short vectors the instructions
 * that count and branch are a fifth of the loop's, and a processor that runs two threads at a time has no room
 * for them: four inputs at a time are then up to 1.2 times as fast, and alone as fast as one. */
#ifdef FK_AVX2
#define FK_PANEL_INPUTS(VECTORS) (VECTORS > 1 ? 4 : 1)
#else
#define FK_PANEL_INPUTS(VECTORS) 1
#endif

/* Up to how many inputs a panel's outputs are taken two at a time, with four vectors of rows. The stores of more than
 * eight sums, which wait for their last multiply-adds side by side, take Zen 3 up to two cycles each; as long as the
 * inputs stay in the first cache, reading them once for each pair takes less. Eight sums hide the four cycles of its
 * multiply-adds; processors that take five need ten. */
#if defined(__znver3__) && defined(FK_AVX2) && FK_TILE % (4 * FK_LANES) == 0
#define FK_PAIRED_INPUTS 96
#else
#define FK_PAIRED_INPUTS 0
#endif

/* Up to how many inputs a panel keeps in registers, two vectors of rows at a time, while it goes through its outputs
 * one after the other. The sums of several outputs, started and stored side by side for the sake of few products,
 * take Zen 3 a third longer. */
#if defined(FK_AVX2) && FK_TILE % (2 * FK_LANES) == 0
#define FK_FEW_INPUTS 6
#else
#define FK_FEW_INPUTS 0
#endif

/* Defines NAME_vector_ROWS(weights, p, input, y, extra), which multiplies one panel of ROWS outputs with the
 * first vector of a tile. NAME_epilogue(acc, extra) gives what is stored; `extra` points to the same element of
 * a second tile buffer that the epilogue may read. */
#define FK_DEFINE_PANEL_VECTOR(NAME, ROWS)                                                         \
  FK_DEFINE_PANEL_BLOCK(NAME, NAME##_vector_##ROWS, ROWS, 1, 0, FK_OUTLINE)

/* Defines NAME_tile_ROWS, which does the same with a whole tile. */
#define FK_DEFINE_PANEL(NAME, ROWS)                                                                \
  FK_DEFINE_PANEL_BLOCK(NAME, NAME##_pair_##ROWS, 2, 4, 0, FK_INLINE)                              \
  FK_DEFINE_PANEL_TILE(NAME, NAME##_whole_##ROWS, ROWS, FK_PANEL_VECTORS(ROWS), 0, FK_INLINE)      \
  FK_OUTLINE void NAME##_tile_##ROWS(const fk_real *restrict weights, const fk_panel *restrict p,  \
                                     const fk_real *restrict input, fk_real *restrict y,           \
                                     const fk_real *extra) {                                       \
    if (FK_PAIRED_INPUTS > 0 && ROWS > 2 && ROWS % 2 == 0 && p->k <= FK_PAIRED_INPUTS) {           \
      for (int r = 0; r < ROWS; r += 2, y += 2 * FK_TILE, extra += 2 * FK_TILE)                    \
        for (int b = 0; b < FK_TILE; b += 4 * FK_LANES)                                            \
          NAME##_pair_##ROWS(weights + r, p, input + b, y + b, extra + b);                         \
      return;                                                                                      \
    }                                                                                              \
    NAME##_whole_##ROWS(weights, p, input, y, extra);                                              \
  }
#define FK_DEFINE_PANEL_TILE(NAME, FUNCTION, ROWS, VECTORS, AHEAD, LINKAGE)                        \
  FK_DEFINE_PANEL_BLOCK(NAME, FUNCTION##_block, ROWS, VECTORS, AHEAD, FK_INLINE)                   \
  FK_DEFINE_PANEL_BLOCK(NAME, FUNCTION##_rest, ROWS, FK_PANEL_REST(VECTORS), AHEAD, FK_INLINE)     \
  LINKAGE void FUNCTION(const fk_real *restrict weights, const fk_panel *restrict p,               \
                        const fk_real *restrict input, fk_real *restrict y,                        \
                        const fk_real *extra) {                                                    \
    const int step = (VECTORS) * FK_LANES;                                                         \
    int b = 0;                                                                                     \
    for (; b + step <= FK_TILE; b += step)                                                         \
      FUNCTION##_block(weights, p, input + b, y + b, extra + b);                                   \
    if (b < FK_TILE)                                                                               \
      FUNCTION##_rest(weights, p, input + b, y + b, extra + b);                                    \
  }
/* The vectors that are left of a tile; 1 if none are. */
#define FK_PANEL_REST(VECTORS)                                                                     \
  (FK_TILE / FK_LANES % (VECTORS) ? FK_TILE / FK_LANES % (VECTORS) : 1)
/* The tile is asked for AHEAD inputs before the product, if that is not 0. */
#define FK_DEFINE_PANEL_BLOCK(NAME, FUNCTION, ROWS, VECTORS, AHEAD, LINKAGE)                       \
  LINKAGE void FUNCTION(const fk_real *restrict weights, const fk_panel *restrict p,               \
                        const fk_real *restrict input, fk_real *restrict y,                        \
                        const fk_real *extra) {                                                    \
    const int64_t stride = p->stride;                                                              \
    const fk_real *restrict w = weights + stride;                                                  \
    const fk_real *restrict x = input + (int64_t)p->first * FK_TILE;                               \
    fk_vec acc[ROWS][VECTORS];                                                                     \
    FK_PANEL_START(acc, ROWS, VECTORS, weights)                                                    \
    int k = p->k;                                                                                  \
    for (; k >= FK_PANEL_INPUTS(VECTORS); k -= FK_PANEL_INPUTS(VECTORS)) {                         \
      FK_UNROLL for (int i = 0; i < FK_PANEL_INPUTS(VECTORS); i++) {                               \
        FK_PANEL_INPUT(acc, ROWS, VECTORS, w + i * stride, x + i * FK_TILE)                        \
        if (FK_PANEL_INPUTS(VECTORS) > 1 && AHEAD)                                                 \
          __builtin_prefetch(x + (AHEAD + i) * FK_TILE);                                           \
        if (i * ROWS * FK_REAL_BYTES % 64 < ROWS * FK_REAL_BYTES)                                  \
          __builtin_prefetch((const char *)(w + i * stride) + FK_AHEAD);                           \
      }                                                                                            \
      w += FK_PANEL_INPUTS(VECTORS) * stride;                                                      \
      x += FK_PANEL_INPUTS(VECTORS) * FK_TILE;                                                     \
    }                                                                                              \
    if (FK_PANEL_INPUTS(VECTORS) > 1)                                                              \
      FK_PANEL_INPUT_LOOP(acc, ROWS, VECTORS, k, w, stride, x)                                     \
    FK_PANEL_STORE(NAME, acc, ROWS, VECTORS, p, y, extra)                                          \
  }
/* Starts the sums of a block from the biases. */
#define FK_PANEL_START(ACC, ROWS, VECTORS, BIASES)                                                 \
  FK_UNROLL for (int r = 0; r < ROWS; r++)                                                         \
  FK_UNROLL for (int v = 0; v < VECTORS; v++) ACC[r][v] = fk_splat((BIASES)[r]);
/* Adds what one input gives to the sums of a block. */
#define FK_PANEL_INPUT(ACC, ROWS, VECTORS, WEIGHTS, X)                                             \
  if (ROWS < VECTORS) {                                                                            \
    fk_vec factor[ROWS];                                                                           \
    FK_UNROLL for (int r = 0; r < ROWS; r++) factor[r] = fk_splat((WEIGHTS)[r]);                   \
    FK_UNROLL for (int v = 0; v < VECTORS; v++) {                                                  \
      fk_vec in = fk_load((X) + v * FK_LANES);                                                     \
      FK_UNROLL for (int r = 0; r < ROWS; r++) ACC[r][v] += factor[r] * in;                        \
    }                                                                                              \
  } else {                                                                                         \
    fk_vec in[VECTORS];                                                                            \
    FK_UNROLL for (int v = 0; v < VECTORS; v++) in[v] = fk_load((X) + v * FK_LANES);               \
    FK_PANEL_ADD(ACC, ROWS, VECTORS, WEIGHTS, in)                                                  \
  }
/* Adds the vectors of one input, in registers, to the sums of a block. */
#define FK_PANEL_ADD(ACC, ROWS, VECTORS, WEIGHTS, IN)                                              \
  FK_UNROLL for (int r = 0; r < ROWS; r++) {                                                       \
    fk_vec factor = fk_splat((WEIGHTS)[r]);                                                        \
    FK_UNROLL for (int v = 0; v < VECTORS; v++) ACC[r][v] += factor * IN[v];                       \
  }
/* Adds COUNT inputs, one at a time. */
#define FK_PANEL_INPUT_LOOP(ACC, ROWS, VECTORS, COUNT, W, STRIDE, X)                               \
  FK_LOOP for (; COUNT > 0; COUNT--) {                                                             \
    FK_PANEL_INPUT(ACC, ROWS, VECTORS, W, X)                                                       \
    W += STRIDE;                                                                                   \
    X += FK_TILE;                                                                                  \
  }
#define FK_PANEL_STORE(NAME, ACC, ROWS, VECTORS, P, Y, EXTRA)                                      \
  FK_UNROLL for (int r = 0; r < ROWS; r++)                                                         \
  FK_UNROLL for (int v = 0; v < VECTORS; v++) {                                                    \
    int64_t at = (int64_t)((P)->row + r) * FK_TILE + v * FK_LANES;                                 \
    fk_store((Y) + at, NAME##_epilogue(ACC[r][v], ((EXTRA) + at)));                                \
  }

/* Defines NAME_few_INPUTS(weights, p, rows, input, y, extra), which multiplies panel p, of so many inputs, and the
 * panels that lie beside it, `rows` outputs together, with a whole tile. */
#if FK_FEW_INPUTS
#define FK_DEFINE_FEW(NAME, INPUTS)                                                                \
  FK_OUTLINE void NAME##_few_##INPUTS(const fk_real *restrict weights, const fk_panel *restrict p, \
                                      int rows, const fk_real *restrict input,                     \
                                      fk_real *restrict y, const fk_real *extra) {                 \
    const int64_t stride = p->stride;                                                              \
    const fk_real *restrict x = input + (int64_t)p->first * FK_TILE;                               \
    for (int b = 0; b < FK_TILE; b += 2 * FK_LANES) {                                              \
      fk_vec in[INPUTS][2];                                                                        \
      FK_UNROLL for (int i = 0; i < INPUTS; i++) {                                                 \
        in[i][0] = fk_load(x + i * FK_TILE + b);                                                   \
        in[i][1] = fk_load(x + i * FK_TILE + b + FK_LANES);                                        \
      }                                                                                            \
      FK_LOOP for (int output = 0; output < rows; output++) {                                      \
        fk_vec acc[1][2];                                                                          \
        FK_PANEL_START(acc, 1, 2, weights + output)                                                \
        FK_UNROLL for (int i = 0; i < INPUTS; i++) {                                               \
          FK_PANEL_ADD(acc, 1, 2, weights + (i + 1) * stride + output, in[i])                      \
        }                                                                                          \
        const int place = output * FK_TILE + b;                                                    \
        FK_PANEL_STORE(NAME, acc, 1, 2, p, y + place, extra + place)                               \
      }                                                                                            \
    }                                                                                              \
  }
#define FK_FEW_CASE(PANEL, INPUTS)                                                                 \
  case -INPUTS:                                                                                    \
    while (next < panels + end && fk_lies_beside(next - 1, next)) next++;                          \
    PANEL##_few_##INPUTS(packed + p->weights, p, next[-1].row + next[-1].rows - p->row, x, y,      \
                         extra);                                                                   \
    break;
/* Whether panel q has the outputs after those of p, of the same inputs, and is packed side by side with it. */
FK_INLINE int fk_lies_beside(const fk_panel *p, const fk_panel *q) {
  return q->first == p->first && q->k == p->k && q->stride == p->stride &&
         q->row == p->row + p->rows && q->weights == p->weights + p->rows;
}
#else
#define FK_DEFINE_FEW(NAME, INPUTS)
#define FK_FEW_CASE(PANEL, INPUTS)
#endif
/* Which of a layer's cases a panel is: the number of its outputs; or of its inputs, as a negative number. */
FK_INLINE int fk_panel_case(const fk_panel *p, int width) {
  return width == FK_TILE && p->k > 0 && p->k <= FK_FEW_INPUTS ? -p->k : p->rows;
}

/* Layers of more inputs than the first cache holds of a tile, which each panel reads from the second again. Reading
 * them takes as long as multiplying them with two outputs does. Panels of up to three outputs each, as those of a
 * masked layer that ends a network often are, therefore go two at a time and read an input once, if they start with
 * the same one; each goes on alone after the last that both see. The order of each sum is the same.
 *
 * A block has no more vectors of rows than hide the latency of a multiply-add. */
#ifdef FK_AVX2
#define FK_FAR_VECTORS(ROWS) (ROWS == 1 ? 8 : ROWS <= 3 ? 4 : 2)
#else
#define FK_FAR_VECTORS(ROWS) FK_PANEL_VECTORS(ROWS)
#endif
/* How many inputs before the product the tile is asked for, where a block takes several at a time: the
 * processor does not foresee loads so far apart. */
#define FK_FAR_AHEAD 16

/* Defines NAME_far_ROWS, which does for such layers what NAME_tile_ROWS does for others. */
#define FK_DEFINE_FAR_PANEL(NAME, ROWS)                                                            \
  FK_DEFINE_PANEL_TILE(NAME, NAME##_far_##ROWS, ROWS, FK_FAR_VECTORS(ROWS), FK_FAR_AHEAD,          \
                       FK_OUTLINE)

/* Defines NAME_two_ROWS(packed, p, input, y, extra), which multiplies two panels of ROWS outputs with a whole
 * tile: p and the one after it. */
#define FK_DEFINE_FAR_TWO(NAME, ROWS)                                                              \
  FK_OUTLINE void NAME##_two_##ROWS(const fk_real *restrict packed, const fk_panel *restrict p,    \
                                    const fk_real *restrict input, fk_real *restrict y,            \
                                    const fk_real *extra) {                                        \
    enum { most = FK_FAR_VECTORS(2 * ROWS), all = FK_TILE / FK_LANES };                            \
    enum { vectors = most < all ? most : all, inputs = FK_PANEL_INPUTS(vectors) };                 \
    const fk_panel *restrict q = p + 1;                                                            \
    const int64_t stride = p->stride, other = q->stride;                                           \
    const int both = p->k < q->k ? p->k : q->k;                                                    \
    for (int b = 0; b < FK_TILE; b += vectors * FK_LANES) {                                        \
      const fk_real *restrict w = packed + p->weights;                                             \
      const fk_real *restrict u = packed + q->weights;                                             \
      const fk_real *restrict x = input + (int64_t)p->first * FK_TILE + b;                         \
      fk_vec acc[ROWS][vectors], sum[ROWS][vectors];                                               \
      FK_PANEL_START(acc, ROWS, vectors, w)                                                        \
      FK_PANEL_START(sum, ROWS, vectors, u)                                                        \
      w += stride;                                                                                 \
      u += other;                                                                                  \
      int k = both;                                                                                \
      for (; k >= inputs; k -= inputs) {                                                           \
        FK_UNROLL for (int i = 0; i < inputs; i++) {                                               \
          FK_FAR_INPUT(ROWS, w, u, x)                                                              \
          if (inputs > 1)                                                                          \
            __builtin_prefetch(x + FK_FAR_AHEAD * FK_TILE);                                        \
          if (2 * i * ROWS * FK_REAL_BYTES % 64 < 2 * ROWS * FK_REAL_BYTES)                        \
            __builtin_prefetch((const char *)w + FK_AHEAD);                                        \
          w += stride;                                                                             \
          u += other;                                                                              \
          x += FK_TILE;                                                                            \
        }                                                                                          \
      }                                                                                            \
      FK_LOOP for (; k > 0; k--) {                                                                 \
        FK_FAR_INPUT(ROWS, w, u, x)                                                                \
        w += stride;                                                                               \
        u += other;                                                                                \
        x += FK_TILE;                                                                              \
      }                                                                                            \
      int rest = p->k - both, more = q->k - both;                                                  \
      FK_PANEL_INPUT_LOOP(acc, ROWS, vectors, rest, w, stride, x)                                  \
      FK_PANEL_INPUT_LOOP(sum, ROWS, vectors, more, u, other, x)                                   \
      FK_PANEL_STORE(NAME, acc, ROWS, vectors, p, y + b, extra + b)                                \
      FK_PANEL_STORE(NAME, sum, ROWS, vectors, q, y + b, extra + b)                                \
    }                                                                                              \
  }
/* Adds what one input gives to the sums of both panels. */
#define FK_FAR_INPUT(ROWS, W, U, X)                                                                \
  fk_vec in[vectors];                                                                              \
  FK_UNROLL for (int v = 0; v < vectors; v++) in[v] = fk_load((X) + v * FK_LANES);                 \
  FK_PANEL_ADD(acc, ROWS, vectors, W, in)                                                          \
  FK_PANEL_ADD(sum, ROWS, vectors, U, in)

/* Defines NAME_late(rows, width, y, extra): an epilogue of many instructions, for what a panel's
 * products have stored. The sums do not take the registers of its constants, its code is there once,
 * and layers with different epilogues share the products. The rows of a whole tile lie one after the other and are
 * one loop, with two vectors side by side, so that few steps wait for the one before; sixteen registers do not hold
 * more. */
#define FK_DEFINE_LATE(NAME)                                                                       \
  FK_OUTLINE void NAME##_late(int rows, int width, fk_real *restrict y,                            \
                              const fk_real *restrict extra) {                                     \
    const int whole = width == FK_TILE ? rows * FK_TILE : 0;                                       \
    FK_LOOP for (int i = 0; i < whole; i += 2 * FK_LANES) {                                        \
      const fk_vec one = NAME##_epilogue(fk_load(y + i), extra + i);                               \
      const fk_vec other = NAME##_epilogue(fk_load(y + i + FK_LANES), extra + i + FK_LANES);       \
      fk_store(y + i, one);                                                                        \
      fk_store(y + i + FK_LANES, other);                                                           \
    }                                                                                              \
    if (whole) return;                                                                             \
    FK_LOOP for (int r = 0; r < rows; r++)                                                         \
      fk_store(y + r * FK_TILE, NAME##_epilogue(fk_load(y + r * FK_TILE), extra + r * FK_TILE));   \
  }

/* Defines NAME(width, packed, panels, begin, end, x, y, extra): panels [begin, end) of a layer on the
 * first `width` rows of a tile: all, one vector of them, or one. CASES has a case for each number of outputs
 * that a panel of the layer has, and for each number of few inputs; LATE, if it is not empty, comes after the
 * products of each. ROW has FK_DEFINE_ROW's function for the layer's epilogue, for panels times inputs of
 * LEAST or more. */
#define FK_PANEL_CASE(PANEL, ROWS)                                                                 \
  case ROWS:                                                                                       \
    FK_PANEL_PRODUCT(PANEL, tile, ROWS)                                                            \
    break;
/* One panel's products; TILE is what its function for whole tiles is named after. */
#define FK_PANEL_PRODUCT(PANEL, TILE, ROWS)                                                        \
  if (width == FK_TILE)                                                                            \
    PANEL##_##TILE##_##ROWS(packed + p->weights, p, x, y, extra);                                  \
  else                                                                                             \
    PANEL##_vector_##ROWS(packed + p->weights, p, x, y, extra);
#define FK_LATE(NAME)                                                                              \
  NAME##_late(p->rows, width, y + (int64_t)p->row * FK_TILE, extra + (int64_t)p->row * FK_TILE);
#define FK_DECLARE_GEMM(NAME)                                                                      \
  FK_PART void NAME(int width, const fk_real *packed, const fk_panel *panels, int begin, int end,  \
                    const fk_real *x, fk_real *y, const fk_real *extra)
#define FK_DEFINE_GEMM(NAME, CASES, ROW, LEAST, LATE)                                              \
  FK_DECLARE_GEMM(NAME) {                                                                          \
    if (width == 1 && end > begin && (end - begin) * panels[end - 1].k >= LEAST) {                 \
      ROW##_row(packed, panels, begin, end, x, y, extra);                                          \
      return;                                                                                      \
    }                                                                                              \
    for (const fk_panel *p = panels + begin; p < panels + end;) {                                  \
      const fk_panel *next = p + 1;                                                                \
      switch (fk_panel_case(p, width)) { CASES }                                                   \
      for (; p < next; p++) {                                                                      \
        LATE                                                                                       \
      }                                                                                            \
    }                                                                                              \
  }

/* The cases of layers that read from the second cache; FK_FAR_TWO_CASE is for panels that may go two at a time. */
#define FK_FAR_CASE(PANEL, ROWS)                                                                   \
  case ROWS:                                                                                       \
    FK_PANEL_PRODUCT(PANEL, far, ROWS)                                                             \
    break;
#define FK_FAR_TWO_CASE(PANEL, ROWS)                                                               \
  case ROWS:                                                                                       \
    if (width == FK_TILE && next < panels + end && fk_read_together(p, next)) {                    \
      PANEL##_two_##ROWS(packed, p, x, y, extra);                                                  \
      next++;                                                                                      \
      break;                                                                                       \
    }                                                                                              \
    FK_PANEL_PRODUCT(PANEL, far, ROWS)                                                             \
    break;
/* Whether two panels of few outputs read their inputs together. What only one of them sees takes longer than it
 * would alone: it is no more than two thirds of its inputs. */
FK_INLINE int fk_read_together(const fk_panel *p, const fk_panel *q) {
  return q->rows == p->rows && q->first == p->first && p->k <= 3 * q->k && q->k <= 3 * p->k;
}
#endif
