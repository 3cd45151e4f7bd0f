/* Packs the weights of a layer in panels: up to FK_PANEL_ROWS outputs, the biases first, then for each input
 * the weights of all outputs, in the order in which a product reads them. A training step packs all weights
 * anew, each twice: as they are, and transposed for the gradient of the inputs. */
#ifndef FK_PACK_H
#define FK_PACK_H
#include "fk_vector.h"

typedef struct {
  int32_t weights; /* where the packed panel starts */
  int32_t row;     /* its first output element */
  int32_t rows;    /* 1 … FK_PANEL_ROWS outputs */
  int32_t first;   /* the first input element that it sees */
  int32_t k;       /* how many inputs it sees */
  int32_t stride;  /* numbers from an input's weights to the next input's, its own `rows` or more */
} fk_panel;

#define FK_PANEL_ROWS 6

/* Numbers that are moved together when a panel is packed. */
typedef fk_real fk_eight
    __attribute__((vector_size(8 * FK_REAL_BYTES), aligned(FK_REAL_BYTES), may_alias));
typedef fk_real fk_four
    __attribute__((vector_size(4 * FK_REAL_BYTES), aligned(FK_REAL_BYTES), may_alias));
typedef fk_real fk_two
    __attribute__((vector_size(2 * FK_REAL_BYTES), aligned(FK_REAL_BYTES), may_alias));

/* Four numbers of each of four rows, whose numbers i go to out + i * stride. */
FK_INLINE void fk_pack_four(int stride, const fk_real *const *start, int64_t at, fk_real *out) {
  const fk_four a = *(const fk_four *)(start[0] + at), b = *(const fk_four *)(start[1] + at);
  const fk_four c = *(const fk_four *)(start[2] + at), d = *(const fk_four *)(start[3] + at);
  const fk_four ab = __builtin_shufflevector(a, b, 0, 4, 1, 5);
  const fk_four cd = __builtin_shufflevector(c, d, 0, 4, 1, 5);
  const fk_four ab2 = __builtin_shufflevector(a, b, 2, 6, 3, 7);
  const fk_four cd2 = __builtin_shufflevector(c, d, 2, 6, 3, 7);
  *(fk_four *)out = __builtin_shufflevector(ab, cd, 0, 1, 4, 5);
  *(fk_four *)(out + stride) = __builtin_shufflevector(ab, cd, 2, 3, 6, 7);
  *(fk_four *)(out + 2 * stride) = __builtin_shufflevector(ab2, cd2, 0, 1, 4, 5);
  *(fk_four *)(out + 3 * stride) = __builtin_shufflevector(ab2, cd2, 2, 3, 6, 7);
}
/* As fk_pack_four for two rows. */
FK_INLINE void fk_pack_two(int stride, const fk_real *const *start, int64_t at, fk_real *out) {
  const fk_four a = *(const fk_four *)(start[0] + at), b = *(const fk_four *)(start[1] + at);
  *(fk_two *)out = __builtin_shufflevector(a, b, 0, 4);
  *(fk_two *)(out + stride) = __builtin_shufflevector(a, b, 1, 5);
  *(fk_two *)(out + 2 * stride) = __builtin_shufflevector(a, b, 2, 6);
  *(fk_two *)(out + 3 * stride) = __builtin_shufflevector(a, b, 3, 7);
}

/* Whether n numbers count up one by one. */
FK_INLINE int fk_counts_up(const int32_t *list, int n) {
  int wrong = 0;
  for (int i = 1; i < n; i++)
    wrong |= list[i] - list[0] - i;
  return !wrong;
}

/* The weights of inputs [from, to) for outputs that lie side by side, as in a transposed matrix. Eight numbers
 * are moved where four outputs or more are wanted: what is too much is overwritten by the next input's, of
 * which the last is moved alone. No number is read behind the last that is wanted. */
FK_INLINE void fk_pack_beside(int count, int from, int to, const fk_real *source, int32_t row,
                              const int32_t *columns, int stride, fk_real *out) {
  if (count >= 4 && stride == count && from < to) {
    const int32_t end = columns[to - 1] + count;
    FK_SCALAR_LOOP for (; from + 1 < to && columns[from] + 8 <= end; from++, out += stride)
      *(fk_eight *)out = *(const fk_eight *)(source + row + columns[from]);
  }
  for (; from < to; from++, out += stride)
    FK_SCALAR_LOOP for (int r = 0; r < count; r++) out[r] = source[row + columns[from] + r];
}

/* The weights of inputs [from, to) for `count` of a panel's outputs: 4, 2 or 1, known here since it is inlined.
 * Four inputs that lie side by side are moved together. */
FK_INLINE void fk_pack_rows(int count, int from, int to, const fk_real *source, const int32_t *rows,
                            const int32_t *columns, int stride, fk_real *out) {
  const fk_real *start[4];
  FK_UNROLL
  for (int r = 0; r < count; r++)
    start[r] = source + rows[r];
  int i = from;
  if (to - from >= 4 && fk_counts_up(columns + from, to - from)) {
    const int64_t first = (int64_t)columns[from] - from;
    FK_LOOP for (; i + 4 <= to; i += 4, out += 4 * stride) {
      if (count == 4)
        fk_pack_four(stride, start, first + i, out);
      else if (count == 2)
        fk_pack_two(stride, start, first + i, out);
      else
        FK_UNROLL for (int k = 0; k < 4; k++) out[k * stride] = start[0][first + i + k];
    }
  }
  FK_SCALAR_LOOP for (; i < to; i++, out += stride) {
    const int64_t column = columns[i];
    FK_UNROLL for (int r = 0; r < count; r++) out[r] = start[r][column];
  }
}
/* The weights of inputs [from, to) for a panel's outputs. */
FK_OUTLINE void fk_pack_inputs(int count, int from, int to, const fk_real *source,
                               const int32_t *rows, const int32_t *columns, int stride,
                               fk_real *out) {
  if (count > 1 && fk_counts_up(rows, count)) {
    fk_pack_beside(count, from, to, source, rows[0], columns, stride, out);
    return;
  }
  if (count >= 4) {
    fk_pack_rows(4, from, to, source, rows, columns, stride, out);
    count -= 4, rows += 4, out += 4;
  }
  if (count >= 2) {
    fk_pack_rows(2, from, to, source, rows, columns, stride, out);
    count -= 2, rows += 2, out += 2;
  }
  if (count)
    fk_pack_rows(1, from, to, source, rows, columns, stride, out);
}

/* Bits [at, at + n) of a mask, n at most 32. */
FK_INLINE uint32_t fk_mask_bits(const uint32_t *mask, int64_t at, int n) {
  uint64_t bits = mask[at >> 5];
  if ((at & 31) + n > 32)
    bits |= (uint64_t)mask[(at >> 5) + 1] << 32;
  return (uint32_t)(bits >> (at & 31)) & (uint32_t)(((uint64_t)1 << n) - 1);
}

/* Packs one panel: weight (o, i) is source[rows[o] + columns[i]]; either bias or mask may be NULL.
 * The mask holds one bit per weight, `mask_columns` to a row. */
FK_INLINE void fk_pack_panel(const fk_panel *p, const fk_real *source, const int32_t *rows,
                             const int32_t *columns, const fk_real *bias, const int32_t *bias_index,
                             const uint32_t *mask, int64_t mask_columns, fk_real *packed) {
  fk_real *out = packed + p->weights;
  const int end = p->first + p->k;
  for (int r = 0; r < p->rows; r++)
    out[r] = bias ? bias[bias_index[p->row + r]] : 0;
  out += p->stride;
  rows += p->row;
  if (!mask) {
    fk_pack_inputs(p->rows, p->first, end, source, rows, columns, p->stride, out);
    return;
  }
  /* Most outputs see most inputs: only where one does not, it is looked at weight by weight. */
  for (int from = p->first, to; from < end; out += (to - from) * p->stride, from = to) {
    to = from + 32 < end ? from + 32 : end;
    uint32_t seen[6], unseen = 0;
    for (int r = 0; r < p->rows; r++) {
      seen[r] = fk_mask_bits(mask, (p->row + r) * mask_columns + from, to - from);
      unseen |= ~seen[r] << (32 - (to - from));
    }
    if (!unseen) {
      fk_pack_inputs(p->rows, from, to, source, rows, columns, p->stride, out);
      continue;
    }
    for (int i = from; i < to; i++)
      for (int r = 0; r < p->rows; r++)
        out[(i - from) * p->stride + r] =
            seen[r] >> (i - from) & 1 ? source[rows[r] + columns[i]] : 0;
  }
}

/* Packs the panels of a layer that start in [begin, end) of its packed numbers: a thread's part of them. */
FK_OUTLINE void fk_pack(const fk_panel *panels, int count, int64_t begin, int64_t end,
                        const fk_real *source, const int32_t *rows, const int32_t *columns,
                        const fk_real *bias, const int32_t *bias_index, const uint32_t *mask,
                        int64_t mask_columns, fk_real *packed) {
  for (const fk_panel *p = panels; p < panels + count; p++)
    if (p->weights >= begin && p->weights < end)
      fk_pack_panel(p, source, rows, columns, bias, bias_index, mask, mask_columns, packed);
}
#endif
