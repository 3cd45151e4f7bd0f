/* Tables of inverses: where the search for a root starts if the function is the same for all rows.
 *
 * Such a table is made once, with the parameters: the roots at knots of the target, and the slopes of
 * the inverse there. A search starts at Hermite's cubic through the two knots beside its target, with
 * the farther knot as the point before; its first step is of third order already, and mostly the
 * last. A target on a knot has the knot's root, which the same search has found. */
#ifndef FK_INVERSE_H
#define FK_INVERSE_H
#include "fk_root.h"

/* Knot i lies at v - 1, or 1 - v if i < 0, where the bits of v are those of 1 plus |i| units: 128 to
 * an octave of v. Knots out of [low, high] lie at the ends. */
#ifdef FK_DOUBLE
#define FK_KNOT_SHIFT 45
#define FK_KNOT_ONE 0x3ff0000000000000
#else
#define FK_KNOT_SHIFT 16
#define FK_KNOT_ONE 0x3f800000
#endif
/* A root that takes more evaluations is not put into a table. */
#define FK_KNOT_PASSES 40

/* For each element and each knot from `first` on the root, NaN if there is none, and the slope of the
 * inverse. */
typedef struct {
  fk_real *pairs;
  int first, count;
  fk_real low, high;
} fk_inverse;

FK_INLINE fk_vec fk_knots(const fk_inverse *t, fk_int i) {
  fk_int size = fk_max_int(i, -i);
  fk_vec y = (fk_vec)((size << FK_KNOT_SHIFT) + FK_KNOT_ONE) - 1;
  y = fk_select(i < 0, -y, y);
  return fk_min(fk_max(y, fk_splat(t->low)), fk_splat(t->high));
}

/* The targets of a tile of knots, the same for all elements. */
FK_OUTLINE void fk_inverse_targets(const fk_inverse *t, int tile, fk_real *target, int n) {
  for (int v = 0; v < FK_TILE; v += FK_LANES) {
    fk_int i;
    for (int lane = 0; lane < FK_LANES; lane++)
      i[lane] = t->first + tile * FK_TILE + v + lane;
    fk_vec y = fk_knots(t, i);
    for (int e = 0; e < n; e++)
      fk_store(target + (int64_t)e * FK_TILE + v, y);
  }
}

/* Puts a tile of knots into the table, from a search that has ended and the slopes at its roots, or
 * from none if there was no memory for it. */
FK_OUTLINE void fk_inverse_put(const fk_inverse *t, int tile, const fk_root *r, int n) {
  for (int e = 0; e < n; e++)
    for (int lane = 0; lane < FK_TILE && tile * FK_TILE + lane < t->count; lane++) {
      fk_real *pair = t->pairs + ((int64_t)e * t->count + tile * FK_TILE + lane) * 2;
      int64_t at = (int64_t)e * FK_TILE + lane;
      int found = r && r->step[at] == 0;
      fk_real inverse = found ? 1 / r->slope[at] : 0;
      pair[0] = found ? r->x[at] : FK_NAN;
      pair[1] = inverse > 0 && inverse < FK_LARGEST ? inverse : FK_LARGEST;
    }
}

/* The four numbers from each index on. */
FK_INLINE void fk_gather_four(const fk_real *numbers, fk_int index, fk_vec four[4]) {
#ifdef __AVX512F__
  FK_UNROLL
  for (int i = 0; i < 4; i++)
#ifdef FK_DOUBLE
    four[i] = (fk_vec)__builtin_ia32_gatherdiv8df(fk_splat(0), numbers + i, index,
                                                  (unsigned char)-1, sizeof(fk_real));
#else
    four[i] = (fk_vec)__builtin_ia32_gathersiv16sf(fk_splat(0), numbers + i, index,
                                                   (unsigned short)-1, sizeof(fk_real));
#endif
#else
  for (int lane = 0; lane < FK_LANES; lane++)
    for (int i = 0; i < 4; i++)
      four[i][lane] = numbers[index[lane] + i];
#endif
}

/* Moves the starts of searches, as fk_root_start makes them, to what the table says. */
FK_OUTLINE void fk_inverse_start(const fk_inverse *t, const fk_root *r, int begin, int end,
                                 const int32_t *items) {
  for (int item = begin; item < end; item++)
    for (int v = 0; v < r->width; v += FK_LANES) {
      int element = items ? items[item] : item;
      int64_t at = (int64_t)element * FK_TILE + v;
      fk_vec y = fk_load(r->target + at);
      fk_int inside = (y >= t->low) & (y <= t->high);
      fk_vec safe = fk_select(inside, y, fk_splat(t->low));
      fk_int size = ((fk_int)(fk_abs(safe) + 1) - FK_KNOT_ONE) >> FK_KNOT_SHIFT;
      fk_int place = fk_select_int(safe < 0, -size - 1, size) - t->first;
      place = fk_max_int(fk_min_int(place, fk_splat_int(t->count - 2)), fk_splat_int(0));
      fk_vec four[4];
      fk_gather_four(t->pairs + (int64_t)element * t->count * 2, place * 2, four);
      fk_vec x0 = four[0], d0 = four[1], x1 = four[2], d1 = four[3];
      fk_vec y0 = fk_knots(t, place + t->first), y1 = fk_knots(t, place + t->first + 1);
      fk_vec h = y1 - y0, u = (y - y0) / h, rise = x1 - x0;
      /* Slopes of at most three times the chord's keep the cubic monotone (Fritsch and Carlson,
       * "Monotone Piecewise Cubic Interpolation", 1980). */
      fk_vec m0 = fk_min(d0 * h, 3 * rise), m1 = fk_min(d1 * h, 3 * rise);
      fk_vec x = x0 + u * (m0 + u * (3 * rise - 2 * m0 - m1 + u * (m0 + m1 - 2 * rise)));
      fk_int near = u < (fk_real)0.5, known = (y == y0) | (y == y1);
      x = fk_select(y == y0, x0, fk_select(y == y1, x1, x));
      fk_int use = inside & (rise >= 0) & fk_is_finite(x);
      fk_store(r->x + at, fk_select(use, x, fk_load(r->x + at)));
      fk_vec step = fk_select(known, fk_splat(0), fk_max(rise, fk_splat(FK_SMALLEST)));
      fk_store(r->step + at, fk_select(use, step, fk_load(r->step + at)));
      fk_store(r->past_x + at, fk_select(near, x1, x0));
      fk_store(r->past_inverse + at, fk_select(near, d1, d0));
      fk_vec past = fk_select(near, y1, y0) - y;
      fk_store(r->past_residual + at, fk_select(use, past, fk_splat(0)));
    }
}
#endif
