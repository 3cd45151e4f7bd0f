/* Roots of increasing functions and quadrature, on a tile: every lane of every element on its own.
 *
 * Each step of the root finder goes to where the cubic polynomial through the last two points takes
 * the target: Hermite's interpolation of the inverse, from values and slopes that are there anyway
 * (Traub, "Iterative Methods for the Solution of Equations", 1964, chapter 5; its order is
 * 1 + sqrt(3), Newton's is 2). Where that is far from Newton's step, Newton's is taken. Both are
 * kept in a bracket (Press et al., "Numerical Recipes", section 9.4): a step that leaves it, or is
 * neither half as long as the one before nor follows one that brought the function four times as
 * near, is replaced by bisection; while the bracket is open on the far side, steps grow at most
 * fourfold.
 *
 * A lane is done when the function meets the target to the last digit, when the error that the next
 * step leaves is below the resolution, or when the end of the domain is reached. That error is taken
 * to shrink at least by the factor by which the last step brought the function nearer, and to be no
 * more than a fraction of the cubic term; where slopes are not exact, as those of a quadrature, by no
 * more than 1024. No evaluation is made to confirm it.
 *
 * Once the rows that are still on their way fit in one vector, they may trade places with rows that
 * are done, all in one vector, which alone is evaluated from then on. */
#ifndef FK_ROOT_H
#define FK_ROOT_H
#include "fk_math.h"

#ifdef FK_DOUBLE
#define FK_EPSILON 2.220446049250313e-16
#define FK_LARGEST 1.7976931348623157e308
#define FK_SMALLEST 2.2250738585072014e-308
#define FK_ROOT_PASSES 700 /* outwards to the largest number in steps of 4, then halving */
#else
#define FK_EPSILON 1.1920929e-7f
#define FK_LARGEST 3.4028235e38f
#define FK_SMALLEST 1.17549435e-38f
#define FK_ROOT_PASSES 160
#endif

/* The state of a search: for each element its bracket; the length of its last step, negative unless
 * it was free, neither a bisection nor cut short, and 0 once the element is done; and the point
 * before, with the residual there (0 if there is no such point) and the inverse of the slope. */
typedef struct {
  fk_real *x, *low, *high, *step, *past_x, *past_residual, *past_inverse;
  const fk_real *target, *value, *slope;
  fk_real lower, upper;
  int approximate; /* Whether slopes are not exact. */
  int width;       /* The rows of the tile that are searched for, all, one vector or one. */
} fk_root;

/* Where every search starts: in the middle of a bounded domain, else at 0 or at the end of the domain
 * that is nearest to it. */
FK_INLINE fk_real fk_root_origin(const fk_root *r) {
  if (r->lower > -FK_INFINITY && r->upper < FK_INFINITY)
    return r->lower / 2 + r->upper / 2;
  return r->lower > 0 ? r->lower : r->upper < 0 ? r->upper : 0;
}

/* Starts the search for elements items[begin..end), or begin..end without a list. */
FK_OUTLINE void fk_root_start(const fk_root *r, int begin, int end, const int32_t *items) {
  fk_real start = fk_root_origin(r), first = 1;
  if (r->lower > -FK_INFINITY && r->upper < FK_INFINITY)
    first = r->upper - r->lower;
  for (int item = begin; item < end; item++)
    for (int v = 0; v < r->width; v += FK_LANES) {
      int64_t at = (int64_t)(items ? items[item] : item) * FK_TILE + v;
      fk_vec y = fk_load(r->target + at);
      fk_vec x = fk_select(y == FK_INFINITY, fk_splat(r->upper), fk_splat(start));
      x = fk_select(y == -FK_INFINITY, fk_splat(r->lower), fk_select(y != y, y, x));
      fk_store(r->x + at, x);
      fk_store(r->low + at, fk_splat(r->lower));
      fk_store(r->high + at, fk_splat(r->upper));
      fk_store(r->past_residual + at, fk_splat(0));
      fk_store(r->step + at, fk_select(fk_is_finite(y), fk_splat(-first), fk_splat(0)));
    }
}

/* One step of the elements; gives whether a lane is still on its way. */
FK_OUTLINE int fk_root_step(const fk_root *r, int begin, int end, const int32_t *items) {
  fk_int open = {0};
  const fk_vec eps = fk_splat((fk_real)FK_EPSILON);
  for (int item = begin; item < end; item++)
    for (int v = 0; v < r->width; v += FK_LANES) {
      int64_t at = (int64_t)(items ? items[item] : item) * FK_TILE + v;
      fk_vec last = fk_load(r->step + at);
      fk_int active = last != 0;
      fk_vec x = fk_load(r->x + at), y = fk_load(r->target + at);
      fk_vec low = fk_load(r->low + at), high = fk_load(r->high + at);
      fk_vec f = fk_load(r->value + at), slope = fk_load(r->slope + at);
      /* A function that is NaN where the search starts has parameters that are NaN, and no root;
       * one that becomes NaN further out has overflowed there. */
      fk_int undefined = (f != f) & (x == fk_splat(fk_root_origin(r)));
      fk_vec far = fk_select(x < 0, fk_splat(-FK_INFINITY), fk_splat(FK_INFINITY));
      fk_vec residual = fk_select(f != f, far, f - y);
      fk_int below = residual < 0;
      low = fk_select(below, x, low);
      high = fk_select(below, high, x);
      fk_int met = fk_abs(residual) <= fk_abs(y) * eps;
      fk_int after_free = last > 0;
      last = fk_abs(last);
      fk_vec inverse = fk_splat(1) / slope, newton = -residual * inverse;
      fk_int useful = fk_is_finite(newton) & (slope > 0);
      fk_int bounded = (low > -FK_INFINITY) & (high < FK_INFINITY);
      /* The polynomial through both points and their slopes, in Newton's form, less its tangent. */
      fk_vec past = fk_load(r->past_residual + at);
      fk_vec over = fk_splat(1) / (past - residual);
      fk_vec chord = (fk_load(r->past_x + at) - x) * over;
      fk_vec second = (chord - inverse) * over;
      fk_vec third = (fk_load(r->past_inverse + at) - 2 * chord + inverse) * over * over * past;
      fk_vec square = residual * residual, bend = square * (second - third);
      fk_int nearer = fk_abs(residual) <= fk_abs(past) * (fk_real)0.25;
      fk_int curved = useful & nearer & (fk_abs(bend) <= fk_abs(newton) * (fk_real)0.5);
      fk_vec best = fk_select(curved, newton + bend, newton);
      /* Within the bracket: that point if it is good enough, else the middle. */
      fk_vec next = x + best;
      fk_int good = useful & (next > low) & (next < high) &
                    ((fk_abs(best) <= last * (fk_real)0.5) | (after_free & nearer));
      /* A step as short as the rounding of x ends the search, in the bracket or not. */
      fk_int near = useful & (fk_abs(newton) <= fk_abs(x) * eps);
      /* Else twice as far, once, so that the root is bracketed closely: where the function's
       * rounding or a bend in it stops Newton's steps, halving a wide bracket would start anew. */
      fk_vec middle = (low * (fk_real)0.5 - x) + high * (fk_real)0.5;
      fk_vec beyond = x + 2 * newton;
      fk_int close = useful & after_free & (beyond > low) & (beyond < high) &
                     (fk_abs(newton) < fk_abs(middle) * (fk_real)0.25);
      middle = fk_select(close, 2 * newton, middle);
      /* Outwards: Newton, but no more than four times as far as before. */
      fk_vec most = last * 4;
      fk_vec out = fk_select(useful, fk_min(fk_abs(best), most), most);
      out = fk_select(below, out, -out);
      out = fk_min(fk_max(x + out, fk_splat(-FK_LARGEST)), fk_splat(FK_LARGEST)) - x;
      out = fk_min(fk_max(x + out, low), high) - x;
      fk_vec step = fk_select(bounded, fk_select(good, best, middle), out);
      fk_vec length = fk_abs(step), scale = fk_abs(x + step);
      fk_int free = useful & (fk_abs(step - best) <= eps * fk_abs(x));
      fk_vec enough = scale * eps * 2;
      fk_int exact = curved & (fk_abs(newton * residual) <= fk_abs(past) * enough) &
                     (fk_abs(square * third) <= enough * 4);
      if (r->approximate)
        exact &= fk_abs(newton) <= enough * 1024;
      fk_int settled = (length <= (scale + length) * eps) | (length == 0) |
                       (free & after_free & (exact | (length <= 4 * eps * scale)));
      met |= near;
      fk_store(r->past_x + at, x);
      fk_store(r->past_residual + at, residual);
      fk_store(r->past_inverse + at, inverse);
      x = fk_select(active & ~met, x + step, x);
      fk_store(r->x + at, fk_select(active & undefined, fk_splat(FK_NAN), x));
      active &= ~(met | settled | undefined);
      fk_store(r->low + at, low);
      fk_store(r->high + at, high);
      fk_vec signed_length = fk_select(free, length, -length);
      fk_store(r->step + at, fk_select(active, signed_length, fk_splat(0)));
      open |= active;
    }
  for (int lane = 0; lane < FK_LANES; lane++)
    if (open[lane])
      return 1;
  return 0;
}

/* One step of `count` elements that a list names; leaves those in it of which a lane is still on its
 * way, and gives how many they are. */
FK_OUTLINE int fk_root_steps(const fk_root *r, int32_t *items, int count) {
  int left = 0;
  for (int i = 0; i < count; i++)
    if (fk_root_step(r, i, i + 1, items))
      items[left++] = items[i];
  return left;
}

/* How many lanes of the elements are still on their way. */
FK_OUTLINE int64_t fk_root_open(const fk_root *r, int begin, int end, const int32_t *items) {
  int64_t count = 0;
  for (int item = begin; item < end; item++)
    for (int v = 0; v < r->width; v++)
      count += r->step[(int64_t)(items ? items[item] : item) * FK_TILE + v] != 0;
  return count;
}

/* Consecutive elements of a tile. */
typedef struct {
  int32_t first, count;
} fk_root_span;

/* The vector in which a search goes on, by its first row, and the rows that have traded places. */
typedef struct {
  int first, count;
  int32_t from[FK_LANES], to[FK_LANES];
} fk_root_rows;

/* Lets rows trade places in some elements; a second time, they are where they were. */
FK_OUTLINE void fk_root_trade(fk_real *s, const fk_root_span *spans, int begin, int end,
                              const fk_root_rows *m) {
  if (!m->count)
    return;
  for (const fk_root_span *span = spans + begin; span < spans + end; span++) {
    fk_real *x = s + (int64_t)span->first * FK_TILE;
    for (int e = 0; e < span->count; e++, x += FK_TILE)
      for (int i = 0; i < m->count; i++) {
        const fk_real moved = x[m->from[i]];
        x[m->from[i]] = x[m->to[i]];
        x[m->to[i]] = moved;
      }
  }
}

/* Narrows the search for elements items[begin..end) to the vector with most of the rows that are still
 * on their way, if all of them fit in it; spans [from, to) are what a row takes along. */
FK_OUTLINE void fk_root_gather(fk_root *r, int begin, int end, const int32_t *items, fk_real *s,
                               const fk_root_span *spans, int from, int to, fk_root_rows *m) {
  if (r->width <= FK_LANES)
    return;
  fk_int open[FK_TILE / FK_LANES], sum = {0};
  for (int v = 0; v < FK_TILE / FK_LANES; v++) {
    open[v] = (fk_int){0};
    for (int item = begin; item < end; item++) {
      int64_t at = (int64_t)(items ? items[item] : item) * FK_TILE + v * FK_LANES;
      open[v] |= fk_load(r->step + at) != 0;
    }
    sum -= open[v];
  }
  int rows = 0, best = 0, stay = 0;
  for (int lane = 0; lane < FK_LANES; lane++)
    rows += (int)sum[lane];
  if (rows > FK_LANES)
    return;
  for (int v = 0; v < FK_TILE / FK_LANES; v++) {
    int count = 0;
    for (int lane = 0; lane < FK_LANES; lane++)
      count -= (int)open[v][lane];
    if (count > stay)
      best = v, stay = count;
  }
  m->first = best * FK_LANES;
  int seat = 0;
  for (int v = 0; v < FK_TILE / FK_LANES; v++)
    for (int lane = 0; lane < FK_LANES && v != best; lane++) {
      if (!open[v][lane])
        continue;
      while (open[best][seat])
        seat++;
      m->from[m->count] = v * FK_LANES + lane;
      m->to[m->count++] = m->first + seat++;
    }
  fk_root_trade(s, spans, from, to, m);
  r->width = FK_LANES;
  r->x += m->first, r->low += m->first, r->high += m->first, r->step += m->first;
  r->past_x += m->first, r->past_residual += m->first, r->past_inverse += m->first;
  r->target += m->first, r->value += m->first, r->slope += m->first;
}

/* The point and the weight of a node of a quadrature from a to b. */
FK_OUTLINE void fk_node(const fk_real *a, const fk_real *b, fk_real u, fk_real w, fk_real *t,
                        fk_real *dt, int width, int begin, int end, const int32_t *items) {
  for (int item = begin; item < end; item++)
    for (int v = 0; v < width; v += FK_LANES) {
      int64_t at = (int64_t)(items ? items[item] : item) * FK_TILE + v;
      fk_vec from = fk_load(a + at), length = fk_load(b + at) - from;
      fk_store(t + at, from + length * u);
      fk_store(dt + at, length * w);
    }
}

/* Whether the limits of all lanes of the elements are the same or NaN. */
FK_OUTLINE int fk_no_length(const fk_real *a, const fk_real *b, int width, int begin, int end,
                            const int32_t *items) {
  fk_int apart = {0};
  for (int item = begin; item < end; item++)
    for (int v = 0; v < width; v += FK_LANES) {
      int64_t at = (int64_t)(items ? items[item] : item) * FK_TILE + v;
      fk_vec from = fk_load(a + at), to = fk_load(b + at);
      apart |= (from < to) | (from > to);
    }
  for (int lane = 0; lane < FK_LANES; lane++)
    if (apart[lane])
      return 0;
  return 1;
}

/* sums += values, or sums = values for the first node. */
FK_OUTLINE void fk_accumulate(fk_real *sums, const fk_real *values, int first, int width, int begin,
                              int end, const int32_t *items) {
  for (int item = begin; item < end; item++)
    FK_SIDE_BY_SIDE for (int v = 0; v < width; v += FK_LANES) {
      int64_t at = (int64_t)(items ? items[item] : item) * FK_TILE + v;
      fk_vec old = first ? fk_splat(0) : fk_load(sums + at);
      fk_store(sums + at, old + fk_load(values + at));
    }
}
#endif
