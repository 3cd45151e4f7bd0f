/* Vector math, inlined: argument reduction as in Cody and Waite, "Software Manual for the
 * Elementary Functions" (1980), and Tang (1989); polynomials are minimax-like Chebyshev fits made
 * for these intervals. Bounds are the largest error found by the tests, in units in the last place.
 * NaN gives NaN everywhere. */
#ifndef FK_MATH_H
#define FK_MATH_H
#include "fk_vector.h"

#ifdef FK_DOUBLE
#define FK_LOG2E 1.4426950408889634
#define FK_LN2_HIGH 6.93147180369123816490e-01
#define FK_LN2_LOW 1.90821492927058770002e-10
#define FK_ROUND 6755399441055744.0
#define FK_MANTISSA 52
#define FK_BIAS 1023
#define FK_EXP_MIN -746.0
#define FK_EXP_MAX 710.0
#define FK_NORMAL_MIN 2.2250738585072014e-308
#define FK_SUBNORMAL_SCALE 18014398509481984.0 /* 2^54 */
#define FK_SUBNORMAL_SHIFT 54
#define FK_LIFT 128
#define FK_LOWER 2.938735877055719e-39 /* 2^-128 */
#define FK_ITSELF 1e-17
#else
#define FK_LOG2E 1.44269504f
#define FK_LN2_HIGH 6.931457519531e-1f
#define FK_LN2_LOW 1.42860677e-6f
#define FK_ROUND 12582912.0f
#define FK_MANTISSA 23
#define FK_BIAS 127
#define FK_EXP_MIN -105.0f
#define FK_EXP_MAX 89.0f
#define FK_NORMAL_MIN 1.17549435e-38f
#define FK_SUBNORMAL_SCALE 33554432.0f /* 2^25 */
#define FK_SUBNORMAL_SHIFT 25
#define FK_LIFT 64
#define FK_LOWER 5.421010862427522e-20f /* 2^-64 */
#define FK_ITSELF 3e-8f
#endif
#define FK_INFINITY ((fk_real)__builtin_inf())
#define FK_NAN ((fk_real)__builtin_nan(""))

/* The polynomial c[0] + c[1] x + … + c[n-1] x^(n-1) by Horner's rule. Of a long one the terms from
 * FK_HORNER on are summed as even and odd powers beside each other, and of a very long one in four sums, so
 * that fewer steps wait for one another; the first steps, whose rounding counts, stay as they are. Those of
 * Horner's rule are written out: of loops that they unroll compilers take a tenth longer for an NSF, and half as
 * long again for a GF. */
#define FK_HORNER 3
#define FK_LONG 12
#define FK_VERY_LONG 16
FK_INLINE fk_vec fk_polynomial(fk_vec x, const fk_real *c, int n) {
  fk_vec p = fk_splat(c[n - 1]);
  if (n <= FK_LONG) {
    if (n > 11) p = p * x + c[10];
    if (n > 10) p = p * x + c[9];
    if (n > 9) p = p * x + c[8];
    if (n > 8) p = p * x + c[7];
    if (n > 7) p = p * x + c[6];
    if (n > 6) p = p * x + c[5];
    if (n > 5) p = p * x + c[4];
    if (n > 4) p = p * x + c[3];
    if (n > 3) p = p * x + c[2];
    if (n > 2) p = p * x + c[1];
    return n > 1 ? p * x + c[0] : p;
  }
  if (n > FK_VERY_LONG) {
    fk_vec z = x * x, w = z * z, sums[4];
    FK_UNROLL
    for (int i = 22; i >= FK_HORNER; i--)
      if (i < n)
        sums[(i - FK_HORNER) & 3] =
            i + 4 < n ? sums[(i - FK_HORNER) & 3] * w + c[i] : fk_splat(c[i]);
    p = (sums[3] * x + sums[2]) * z + (sums[1] * x + sums[0]);
  } else {
    fk_vec odd = fk_splat(c[n - 2]), z = x * x;
    FK_UNROLL
    for (int i = FK_VERY_LONG - 3; i >= FK_HORNER; i--)
      if (i < n - 2) {
        if ((n - 1 - i) & 1)
          odd = odd * z + c[i];
        else
          p = p * z + c[i];
      }
    p = (n - 1 - FK_HORNER) & 1 ? p * x + odd : odd * x + p;
  }
  FK_UNROLL
  for (int i = FK_HORNER - 1; i >= 0; i--)
    p = p * x + c[i];
  return p;
}
#define FK_POLYNOMIAL(x, ...)                                                                      \
  fk_polynomial((x), (const fk_real[]){__VA_ARGS__},                                               \
                sizeof((const fk_real[]){__VA_ARGS__}) / sizeof(fk_real))

/* 2^n for n within the normal exponents. */
FK_INLINE fk_vec fk_power_of_two(fk_int n) { return (fk_vec)((n + FK_BIAS) << FK_MANTISSA); }

/* x = n ln 2 + r with |r| <= ln 2 / 2; gives r and n, and an integer whose lowest bits are those of n + above:
 * FK_ROUND rounds the sum to a whole number, and what is added to it with it. */
FK_INLINE fk_vec fk_reduce_exp(fk_vec x, int above, fk_vec *n, fk_int *lowest) {
  fk_vec shifted = x * FK_LOG2E + (FK_ROUND + above);
  *n = shifted - (FK_ROUND + above);
  *lowest = (fk_int)shifted;
  return (x - *n * FK_LN2_HIGH) - *n * FK_LN2_LOW;
}

/* 2^n, given an integer whose lowest bits are those of n + FK_BIAS, the exponent of a real number. */
FK_INLINE fk_vec fk_power_of_lowest(fk_int lowest) { return (fk_vec)(lowest << FK_MANTISSA); }

/* (exp(r) - 1 - r) / r^2 on |r| <= ln 2 / 2. */
FK_INLINE fk_vec fk_exp_tail(fk_vec r) {
#ifdef FK_DOUBLE
  return FK_POLYNOMIAL(r, 0.5, 0.16666666666666671, 0.041666666666666671, 0.0083333333333249059,
                       0.001388888888888287, 0.00019841269879033045, 2.4801587328555858e-05,
                       2.7557250163029179e-06, 2.7557269903215795e-07, 2.5107353767261877e-08,
                       2.0916212837493853e-09);
#else
  return FK_POLYNOMIAL(r, 0.49999994f, 0.166665211f, 0.041668389f, 0.00836872496f, 0.00138145802f);
#endif
}

/* exp(r) on |r| <= ln 2 / 2. */
FK_INLINE fk_vec fk_exp_reduced(fk_vec r) { return (r * fk_exp_tail(r) + 1) * r + 1; }

/* p 2^n, rounded gradually where it underflows. Without AVX-512 the lowest bits of an integer are those of n. */
FK_INLINE fk_vec fk_scale(fk_vec p, fk_vec n, fk_int lowest) {
#ifdef __AVX512F__
  fk_parts x = {p}, powers = {n};
  (void)lowest;
  FK_UNROLL
  for (size_t i = 0; i < sizeof(x) / sizeof(fk_register); i++)
#ifdef FK_DOUBLE
    x.registers[i] = __builtin_ia32_scalefpd512_mask(x.registers[i], powers.registers[i],
                                                     x.registers[i], (unsigned char)-1, 4);
#else
    x.registers[i] = __builtin_ia32_scalefps512_mask(x.registers[i], powers.registers[i],
                                                     x.registers[i], (unsigned short)-1, 4);
#endif
  return x.vector;
#else
  (void)n;
  fk_int whole = lowest - (fk_int)fk_splat(FK_ROUND);
  fk_int half = whole >> 1; /* two factors, so that neither over- nor underflows by itself */
  return p * fk_power_of_two(half) * fk_power_of_two(whole - half);
#endif
}

/* exp(x). Overflows to infinity, underflows gradually to 0. At most 1.3 ulp (f32), 1.1 (f64). */
FK_INLINE fk_vec fk_exp(fk_vec x) {
  x = fk_select(x > FK_EXP_MAX, fk_splat(FK_EXP_MAX), x);
  x = fk_select(x < FK_EXP_MIN, fk_splat(FK_EXP_MIN), x);
  fk_vec n;
  fk_int lowest;
  fk_vec r = fk_reduce_exp(x, 0, &n, &lowest);
  fk_vec p = fk_exp_reduced(r);
  return fk_scale(p, n, lowest);
}

/* exp(x) for |x| <= 80 in both float types, where it is a normal number; the same bits as those of fk_exp. The
 * multiplication keeps a NaN. */
FK_INLINE fk_vec fk_exp_normal(fk_vec x) {
  fk_vec n;
  fk_int lowest;
  fk_vec p = fk_exp_reduced(fk_reduce_exp(x, FK_BIAS, &n, &lowest));
#ifdef __AVX512F__
  return fk_scale(p, n, lowest);
#else
  return p * fk_power_of_lowest(lowest);
#endif
}

/* p 2^n for n <= 0, which cannot overflow: the first product is 2^FK_LIFT too large, and the last
 * rounds gradually where the result underflows. The lowest bits of an integer are those of n + FK_LIFTED. */
#define FK_LIFTED (FK_LIFT + FK_BIAS)
FK_INLINE fk_vec fk_scale_down(fk_vec p, fk_int lowest) {
  return p * fk_power_of_lowest(lowest) * FK_LOWER;
}

/* exp(x) for x <= 0. At most 1.3 ulp (f32), 1.1 (f64). */
FK_INLINE fk_vec fk_exp_negative(fk_vec x) {
  x = fk_select(x < FK_EXP_MIN, fk_splat(FK_EXP_MIN), x);
  fk_vec n;
  fk_int lowest;
  fk_vec r = fk_reduce_exp(x, FK_LIFTED, &n, &lowest);
  return fk_scale_down(fk_exp_reduced(r), lowest);
}

/* exp(x) - 1 for |x| <= 80, as 2^n (exp(r) - 1) + (2^n - 1). */
FK_INLINE fk_vec fk_expm1_bounded(fk_vec x) {
  fk_vec n;
  fk_int lowest;
  fk_vec r = fk_reduce_exp(x, FK_BIAS, &n, &lowest);
  fk_vec p = (r * r) * fk_exp_tail(r) + r;
  fk_vec scale = fk_power_of_lowest(lowest);
  return p * scale + (scale - 1);
}

/* exp(x) - 1 without cancellation near 0; keeps -0. At most 2 ulp. Computed as half of it, doubled
 * last, since 2^n may be too large for a number that exp(x) is not. */
FK_INLINE fk_vec fk_expm1(fk_vec x) {
  fk_vec bounded = fk_select(x > FK_EXP_MAX, fk_splat(FK_EXP_MAX), x);
  bounded = fk_select(bounded < -40, fk_splat(-40), bounded);
  fk_vec n;
  fk_int lowest;
  fk_vec r = fk_reduce_exp(bounded, FK_BIAS - 1, &n, &lowest);
  fk_vec p = (r * r) * fk_exp_tail(r) + r;
  fk_vec half = fk_power_of_lowest(lowest);
  fk_vec y = (p * half + (half - (fk_real)0.5)) * 2;
  /* Halves of subnormal numbers lose a digit; and 0 keeps its sign. */
  return fk_select(fk_abs(x) < FK_ITSELF, x, y);
}

/* x for x >= 0, else exp(x) - 1; keeps -0. At most 1 ulp (f32), 1.2 (f64). The rounding of ln 2 needs no
 * second term, since 2^n - 1 outweighs it, and in float32 the tail has coefficients of its own: minimax for
 * r < 0, where the result is as small as r, and for half of the error where r > 0. */
FK_INLINE fk_vec fk_elu(fk_vec x) {
  fk_vec bounded = fk_select(x < -40, fk_splat(-40), x);
  fk_vec shifted = bounded * FK_LOG2E + (FK_ROUND + FK_BIAS);
  fk_vec r = bounded - (shifted - (FK_ROUND + FK_BIAS)) * (fk_real)0.69314718055994531;
#ifdef FK_DOUBLE
  fk_vec tail = fk_exp_tail(r);
#else
  fk_vec tail =
      FK_POLYNOMIAL(r, 0.49999988f, 0.16666527f, 0.04166944f, 0.008368112f, 0.0013765114f);
#endif
  fk_vec p = (r * r) * tail + r;
  fk_vec scale = fk_power_of_lowest((fk_int)shifted);
  return fk_select(x < 0, p * scale + (scale - 1), x);
}

/* x = m 2^e with 3/4 <= m < 3/2; gives m - 1 and e. Meant for normal positive x. AVX-512 has instructions for
 * it that take all positive finite numbers, by which e is the infinity whose sign log(x) has where that is
 * infinite, and m NaN for negative x. */
FK_INLINE fk_vec fk_split_log_normal(fk_vec x, fk_vec *exponent) {
#ifdef __AVX512F__
  fk_parts m = {x}, e = {x};
  enum { from_three_quarters = 3, nan_if_negative = 2 << 2, as_the_mode_is = 4 };
  FK_UNROLL
  for (size_t i = 0; i < sizeof(x) / sizeof(fk_register); i++) {
    fk_register part = m.registers[i];
#ifdef FK_DOUBLE
    m.registers[i] = __builtin_ia32_getmantpd512_mask(
        part, from_three_quarters | nan_if_negative, part, (unsigned char)-1, as_the_mode_is);
    e.registers[i] = __builtin_ia32_getexppd512_mask(part, part, (unsigned char)-1, as_the_mode_is);
#else
    m.registers[i] = __builtin_ia32_getmantps512_mask(
        part, from_three_quarters | nan_if_negative, part, (unsigned short)-1, as_the_mode_is);
    e.registers[i] =
        __builtin_ia32_getexpps512_mask(part, part, (unsigned short)-1, as_the_mode_is);
#endif
  }
  *exponent = fk_select(m.vector < 1, e.vector + 1, e.vector);
  return m.vector - 1;
#else
  fk_int bits = (fk_int)x;
  fk_int offset = (fk_int)fk_splat((fk_real)0.75);
  fk_int e = (bits - offset) >> FK_MANTISSA;
  fk_vec m = (fk_vec)(bits - (e << FK_MANTISSA));
  *exponent = fk_to_real(e);
  return m - 1;
#endif
}

/* The same for all positive finite x. */
FK_INLINE fk_vec fk_split_log(fk_vec x, fk_vec *exponent) {
#ifdef __AVX512F__
  return fk_split_log_normal(x, exponent);
#else
  fk_int tiny = x < FK_NORMAL_MIN;
  fk_vec e;
  fk_vec f = fk_split_log_normal(fk_select(tiny, x * FK_SUBNORMAL_SCALE, x), &e);
  *exponent = e - fk_select(tiny, fk_splat(FK_SUBNORMAL_SHIFT), fk_splat(0));
  return f;
#endif
}

/* log(1 + f) + e ln 2 for the parts that fk_split_log gives; a correction is added last. */
FK_INLINE fk_vec fk_join_log(fk_vec f, fk_vec e, fk_vec correction) {
  fk_vec half_square = f * f * (fk_real)0.5;
#ifdef FK_DOUBLE
  fk_vec s = f / (f + 2), z = s * s;
  fk_vec tail = z * FK_POLYNOMIAL(z, 0.666666666666666, 0.4000000000005594, 0.2857142855600735,
                                  0.2222222427618411, 0.1818166708955834, 0.15391072394915228,
                                  0.13174262408683576, 0.13838563108446056);
  tail = s * (half_square + tail) + (e * FK_LN2_LOW + correction);
  return e * FK_LN2_HIGH + (f - (half_square - tail));
#else
  fk_vec p = FK_POLYNOMIAL(f, 0.333334506f, -0.250001818f, 0.199914038f, -0.166499376f, 0.144780234f,
                           -0.131028935f, 0.102870762f, -0.0435577184f);
  fk_vec tail = f * f * f * p + (e * FK_LN2_LOW + correction);
  return e * FK_LN2_HIGH + (f + (tail - half_square));
#endif
}

/* log(x): -inf at 0 and -0, NaN below, infinity at infinity. At most 0.9 ulp (f32), 0.95 (f64). With AVX-512 the
 * exponent of a special number carries it to the result, since both parts of ln 2 are positive. */
FK_INLINE fk_vec fk_log(fk_vec x) {
  fk_vec e;
  fk_vec f = fk_split_log(x, &e);
  fk_vec y = fk_join_log(f, e, fk_splat(0));
#ifndef __AVX512F__
  y = fk_select(x == FK_INFINITY, x, y);
  y = fk_select(x == 0, fk_splat(-FK_INFINITY), y);
  y = fk_select((x < 0) | (x != x), fk_splat(FK_NAN), y);
#endif
  return y;
}

/* log(x) for normal positive x, infinity and NaN; the same bits as those of fk_log. */
FK_INLINE fk_vec fk_log_normal(fk_vec x) {
#ifdef __AVX512F__
  return fk_log(x);
#else
  fk_vec e;
  fk_vec f = fk_split_log_normal(x, &e);
  return fk_select(x < FK_INFINITY, fk_join_log(f, e, fk_splat(0)), x);
#endif
}

/* What the rounding of 1 + x takes from it, divided by the sum u: the first-order correction of its logarithm
 * (Goldberg 1991, theorem 4). */
FK_INLINE fk_vec fk_log1p_correction(fk_vec x, fk_vec u) {
  return fk_select(x > 1, 1 - (u - x), x - (u - 1)) / u;
}

/* log(1 + x), exact in the small; keeps -0; -inf at -1. At most 2 ulp. */
FK_INLINE fk_vec fk_log1p(fk_vec x) {
  fk_vec u = x + 1, e;
  fk_vec f = fk_split_log(u, &e);
  fk_vec y = fk_join_log(f, e, fk_log1p_correction(x, u));
  y = fk_select(fk_abs(x) < FK_ITSELF, x, y);
  y = fk_select(x == FK_INFINITY, x, y);
  y = fk_select(x == -1, fk_splat(-FK_INFINITY), y);
  return fk_select((x < -1) | (x != x), fk_splat(FK_NAN), y);
}

/* log(1 + x) for x >= 0, but not -0, and NaN; the same bits as those of fk_log1p. The correction is a small
 * number itself. */
FK_INLINE fk_vec fk_log1p_size(fk_vec x) {
  fk_vec u = x + 1, e;
  fk_vec f = fk_split_log_normal(u, &e);
  return fk_select(x < FK_INFINITY, fk_join_log(f, e, fk_log1p_correction(x, u)), x);
}

/* tanh(x) = t / (t + 2) with t = expm1(2 |x|); keeps -0; ±1 in the limits. At most 3 ulp. */
FK_INLINE fk_vec fk_tanh(fk_vec x) {
  fk_vec a = fk_abs(x);
  a = fk_select(a > 20, fk_splat(20), a);
  fk_vec t = fk_expm1_bounded(a * 2);
  return fk_copysign(t / (t + 2), x);
}

/* 1 / (1 + exp(-x)); the exponential is of a negative number, so it cannot overflow. 2.5 ulp. The
 * compiler makes one exponential of this and that of softplus, whose derivative it is. */
FK_INLINE fk_vec fk_sigmoid(fk_vec x) {
  fk_vec e = fk_exp_negative(-fk_abs(x));
  return fk_select(x < 0, e, fk_splat(1)) / (e + 1);
}

/* log(1 + e) for 0 <= e <= 1, as 2 artanh(s) with s = e / (e + 2) <= 1/3; the leading terms are
 * those of the series in e, which need no rounding of s. */
FK_INLINE fk_vec fk_log1p_unit(fk_vec e) {
  fk_vec s = e / (e + 2), z = s * s, half_square = e * e * (fk_real)0.5;
#ifdef FK_DOUBLE
  fk_vec p = FK_POLYNOMIAL(z, 0.66666666666666667, 0.39999999999999523, 0.28571428571600099,
                           0.22222222198236771, 0.18181819897962714, 0.15384543964860549,
                           0.13335178631449256, 0.11734279061303197, 0.10845178394880015,
                           0.074921437955507673, 0.1563057780092285);
#else
  fk_vec p = FK_POLYNOMIAL(z, 0.666666673f, 0.399997063f, 0.28592358f, 0.217065758f, 0.232243292f);
#endif
  return e - (half_square - s * (half_square + z * p));
}

/* log(1 + exp(x)) = max(x, 0) + log1p(exp(-|x|)). At most 2.5 ulp. */
FK_INLINE fk_vec fk_softplus(fk_vec x) {
  return fk_relu(x) + fk_log1p_unit(fk_exp_negative(-fk_abs(x)));
}

/* log(1 / (1 + exp(-x))) = min(x, 0) - log1p(exp(-|x|)): what softplus gives, the other way round.
 * At most 2.5 ulp. */
FK_INLINE fk_vec fk_log_sigmoid(fk_vec x) {
  return fk_select(x > 0, fk_splat(0), x) - fk_log1p_unit(fk_exp_negative(-fk_abs(x)));
}

/* sin and cos of r in [-pi/4, pi/4]. */
FK_INLINE fk_vec fk_sin_small(fk_vec r) {
  fk_vec z = r * r;
#ifdef FK_DOUBLE
  return r + r * z * FK_POLYNOMIAL(z, -0.16666666666666666, 0.0083333333333333315,
                                   -0.00019841269841264821, 2.7557319219150783e-06,
                                   -2.5052106167335705e-08, 1.6058521349954986e-10,
                                   -7.5860947896726206e-13);
#else
  return r + r * z * FK_POLYNOMIAL(z, -0.166666667f, 0.00833333183f, -0.00019840063f,
                                   2.72468687e-06f);
#endif
}
FK_INLINE fk_vec fk_cos_small(fk_vec r) {
  fk_vec z = r * r;
#ifdef FK_DOUBLE
  fk_vec tail = z * z * FK_POLYNOMIAL(z, 0.041666666666666664, -0.0013888888888888887,
                                      2.480158730158451e-05, -2.7557319221298089e-07,
                                      2.0876755754879594e-09, -1.1470455178216906e-11,
                                      4.7455370173192583e-14);
#else
  fk_vec tail = z * z * FK_POLYNOMIAL(z, 0.0416666667f, -0.00138888876f, 2.48005806e-05f,
                                      -2.72984077e-07f);
#endif
  fk_vec half = z * (fk_real)0.5, head = 1 - half;
  return head + (((1 - head) - half) + tail);
}

/* sin (shift 0) or cos (shift 1) of x. At most 2 ulp of the result or of 2^-24 (f32), 2^-53 (f64)
 * for |x| <= 8192 (f32), 2^20 (f64); NaN at infinity. */
FK_INLINE fk_vec fk_circular(fk_vec x, int shift) {
  fk_vec shifted = x * (fk_real)0.63661977236758134 + FK_ROUND;
  fk_vec n = shifted - FK_ROUND;
  fk_int q = (fk_int)shifted - (fk_int)fk_splat(FK_ROUND) + shift;
#ifdef FK_DOUBLE
  fk_vec r = ((x - n * 1.57079632673412561417e+00) - n * 6.07710050630396597660e-11) -
             n * 2.02226624879595063154e-21;
#else
  fk_vec r = ((x - n * 1.5703125f) - n * 4.8351287841796875e-4f);
  r = (r - n * 3.13855707645416259765625e-7f) - n * 6.07710050630396597660e-11f;
#endif
  fk_vec y = fk_select((q & 1) != 0, fk_cos_small(r), fk_sin_small(r));
  return fk_select((q & 2) != 0, -y, y);
}
FK_INLINE fk_vec fk_sin(fk_vec x) { return fk_circular(x, 0); }
FK_INLINE fk_vec fk_cos(fk_vec x) { return fk_circular(x, 1); }

/* asin(x) = x + x^3 P(x^2) for |x| <= 1/2, else pi/2 - 2 asin(sqrt((1 - |x|) / 2)); the polynomials
 * interpolate at Chebyshev nodes. NaN outside [-1, 1]; keeps -0. At most 2.1 ulp. */
FK_INLINE fk_vec fk_asin(fk_vec x) {
  fk_vec a = fk_abs(x);
  fk_int large = a > (fk_real)0.5;
  fk_vec z = fk_select(large, (1 - a) * (fk_real)0.5, a * a);
  fk_vec s = fk_select(large, fk_sqrt(z), a);
#ifdef FK_DOUBLE
  fk_vec p = FK_POLYNOMIAL(z, 0.16666666666666674, 0.07499999999997559, 0.04464285714771306,
                           0.0303819440422415, 0.022372176628676535, 0.017352307772513717,
                           0.013972469577804836, 0.011466837812928829, 0.010404075807233784,
                           0.005102991395303567, 0.018383017043629813, -0.016415335883686342,
                           0.02984624434081949);
  fk_vec tail = fk_splat(6.123233995736766e-17);
#else
  fk_vec p = FK_POLYNOMIAL(z, 0.16666666316f, 0.07500098763f, 0.04459803223f, 0.03111615644f,
                           0.01707785937f, 0.03380574831f);
  fk_vec tail = fk_splat(-4.371139e-8f);
#endif
  fk_vec r = s + s * (z * p);
  r = fk_select(large, (fk_real)1.5707963267948966 - (2 * r - tail), r);
  return fk_copysign(r, x);
}

/* exp(a^2) erfc(a) times a factor for a >= 0: minimax fits on the a whose erfc does not underflow. In float32 it is one
 * quotient: the reciprocal of sqrt(pi) a and a quotient of polynomials, whose first coefficients are below 1 so that
 * near 0 they round finely. In float64 it is a polynomial in t = (a - K) / (a + K) over a + K, less what the rounding of
 * a + K changes, which is nearly K / (a + K) times that rounding. */
FK_INLINE fk_vec fk_erfcx(fk_vec a, fk_vec factor) {
#ifdef FK_DOUBLE
  const fk_real k = 2.25;
  fk_vec d = a + k, q = 1 / d, t = (d - 2 * k) * q, lost = a - (d - k);
  fk_vec tail = FK_POLYNOMIAL(t, 1.0398926642867634, -0.7519590175904064, 0.37151747333303936,
                              -0.1012104018807046, -0.0036109109354817582, 0.011658682805933513,
                              -0.00079709153182080451, -0.0016356684206925251,
                              8.072925803482405e-05, 0.00028571728993252455,
                              2.3630837569547029e-05, -5.1131628728114651e-05,
                              -1.6192788614072455e-05, 6.7219131377677461e-06,
                              5.6123174876459101e-06, 2.7595775137290513e-07,
                              -1.2648300091412907e-06, -5.3597275670321204e-07,
                              1.2531127613205633e-07, 1.7346101813757928e-07,
                              2.4736619492620041e-08, -2.4165825227691866e-08,
                              -8.2262049287159632e-09);
  return (tail * q - k * q * lost * (tail * q)) * factor;
#else
  fk_vec p = FK_POLYNOMIAL(a, 0.75f, 0.484861404f, 0.171611324f, 0.0254254043f, 3.71654573e-06f);
  fk_vec q = FK_POLYNOMIAL(a, 0.75f, 0.967916667f, 0.590105355f, 0.191808403f, 0.0288246665f);
  return q * factor / (a * 1.7724539f * q + p);
#endif
}

/* erf(a), its complement and exp(-a^2) for a >= 0, from one reduction. erfc(a) is exp(-a^2) erfcx(a); erf(a) is
 * a P(a^2) for a < 1/2, and 1 - erfc(a) above. The square's rounding is known exactly, since its exponential would
 * be multiplied by that of the rounding. Beyond `last` exp(-a^2) is zero by a factor of zero, since a product that
 * underflows takes processors long. Of two of the functions below, of one number or of its negative, the
 * compiler computes this once. */
#ifdef FK_DOUBLE
#define FK_BELL_LAST 27.3         /* beyond it erfc is less than half of the smallest number */
#define FK_BELL_LAST_NORMAL 26.61 /* up to it exp(-a^2) is a normal number */
#else
#define FK_BELL_LAST 10.2f
#define FK_BELL_LAST_NORMAL 9.34f
#endif
typedef struct {
  fk_vec erf, erfc, bell;
} fk_normal;
FK_INLINE fk_normal fk_normal_parts(fk_vec a, fk_real last) {
  fk_int is_far = a > last;
#ifndef __AVX512F__
  a = fk_select(is_far, fk_splat(last), a); /* where fk_scale takes any exponent a need not end */
#endif
  fk_vec z = a * a;
#ifdef FK_DOUBLE
  fk_vec small = a * FK_POLYNOMIAL(z, 1.1283791670955126, -0.3761263890318375, 0.11283791670954864,
                                   -0.026866170644997654, 0.005223977621974562,
                                   -0.0008548326505839159, 0.00012055285871013896,
                                   -1.4922990295838226e-05, 1.6370955957084287e-06,
                                   -1.4618441321282917e-07);
#else
  fk_vec small = a * FK_POLYNOMIAL(z, 1.1283791f, -0.37612608f, 0.112828225f, -0.026757184f,
                                   0.0047179903f);
#endif
  const int above = last <= FK_BELL_LAST_NORMAL ? FK_BIAS : FK_LIFTED;
  fk_vec shifted = (FK_ROUND + above) - z * FK_LOG2E, n = shifted - (FK_ROUND + above);
#ifdef FK_FUSED
  fk_vec r = __builtin_elementwise_fma(-a, a, -(n * FK_LN2_HIGH)) - n * FK_LN2_LOW;
#else
  fk_vec r = ((-z - n * FK_LN2_HIGH) - n * FK_LN2_LOW) - fk_square_error(a, z);
#endif
  fk_vec p = fk_exp_reduced(r);
  p = fk_select(is_far, fk_splat(0), p);
  fk_int lowest = (fk_int)shifted;
#ifdef __AVX512F__
  fk_vec bell = fk_scale(p, n, lowest), erfc = fk_select(is_far, fk_splat(0), fk_erfcx(a, bell));
#else
  /* One product with a power of two is exact where the result is a normal number. */
  fk_vec bell =
      last <= FK_BELL_LAST_NORMAL ? p * fk_power_of_lowest(lowest) : fk_scale_down(p, lowest);
  fk_vec erfc = fk_erfcx(a, bell);
#endif
  return (fk_normal){fk_select(a < (fk_real)0.5, small, 1 - erfc), erfc, bell};
}

/* The error function where erfc of the same number or of its negative is wanted too; keeps -0. At most
 * 3 ulp. */
FK_INLINE fk_vec fk_erf_beside_erfc(fk_vec x) {
  return fk_copysign(fk_normal_parts(fk_abs(x), FK_BELL_LAST).erf, x);
}

/* exp(-x^2) where erfc of the same number or of its negative is wanted too. At most 1.5 ulp. */
FK_INLINE fk_vec fk_bell_beside_erfc(fk_vec x) {
  return fk_normal_parts(fk_abs(x), FK_BELL_LAST).bell;
}

/* erfc, erf and exp(-x^2) where all of them that are wanted of a number are summed: as fk_erfc,
 * fk_erf_beside_erfc and fk_bell_beside_erfc, but where exp(-x^2) is no normal number that and erfc are 0. */
FK_INLINE fk_vec fk_erfc_summed(fk_vec x) {
  fk_vec erfc = fk_normal_parts(fk_abs(x), FK_BELL_LAST_NORMAL).erfc;
  return fk_select(x < 0, 2 - erfc, erfc);
}
FK_INLINE fk_vec fk_erf_summed(fk_vec x) {
  return fk_copysign(fk_normal_parts(fk_abs(x), FK_BELL_LAST_NORMAL).erf, x);
}
FK_INLINE fk_vec fk_bell_summed(fk_vec x) {
  return fk_normal_parts(fk_abs(x), FK_BELL_LAST_NORMAL).bell;
}

/* The error function; keeps -0. At most 1.2 ulp (f32), 2 (f64): a P(a^2) for small a, and for large a in
 * float32 1 - exp(-a - a P(a)), in float64 1 - exp(-a^2) P(a - 2), neither of which needs a division; the
 * coefficients are minimax fits. That exponential is at most 0.37, so that the rounding of its argument
 * counts little, and a term less and no second term of ln 2 are enough. */
FK_INLINE fk_vec fk_erf(fk_vec x) {
  fk_vec a = fk_abs(x);
#ifdef FK_DOUBLE
  const fk_real end = 1;
  fk_vec b = fk_select(a > 6, fk_splat(6), a), z = b * b;
  fk_vec q = FK_POLYNOMIAL(b - 2, 0.25539567631050619, -0.10679646185353425, 0.041802752603326519,
                           -0.015460637762780633, 0.0054407385436236128,
                           -0.0018316642877899084, 0.00059246994028067579,
                           -0.00018477833240868627, 5.5728529462655812e-05,
                           -1.6293763599158335e-05, 4.6277379768167493e-06,
                           -1.2794754021319986e-06, 3.453688240249196e-07,
                           -9.0823411094485904e-08, 2.2990308665798557e-08,
                           -5.7663804443925085e-09, 1.568047771941597e-09,
                           -4.1581871321513861e-10, 7.6075297851441073e-11,
                           -6.2496009561123979e-12);
  fk_vec shifted = (FK_ROUND + FK_BIAS) - z * FK_LOG2E;
  fk_vec r = -z - (shifted - (FK_ROUND + FK_BIAS)) * (fk_real)0.69314718055994531;
  fk_vec tail = FK_POLYNOMIAL(r, 0.50000000000000133, 0.16666666666666693, 0.041666666666512621,
                              0.0083333333333112745, 0.0013888888947678796,
                              0.00019841269909180091, 2.4801489287518293e-05,
                              2.755722322016723e-06, 2.7631507998920432e-07,
                              2.5115769536565154e-08);
  fk_vec p = (r * r) * tail + r;
  q *= fk_power_of_lowest((fk_int)shifted);
  fk_vec large = (1 - q) - p * q;
  fk_vec small = x + x * FK_POLYNOMIAL(z, 0.12837916709551256, -0.37612638903183521,
                                       0.11283791670944171, -0.026866170643110417,
                                       0.0052239776061121209, -0.00085483259290414693,
                                       0.00012055293569182195, -1.4924712159882401e-05,
                                       1.6447129882451881e-06, -1.6206301273613908e-07,
                                       1.3710928182292402e-08, -7.7793741119334136e-10);
#else
  const fk_real end = 0.9277f;
  fk_vec b = fk_select(a > 4, fk_splat(4), a), z = x * x;
  fk_vec q = FK_POLYNOMIAL(b, 0.12851189f, 0.63572663f, 0.105250925f, -0.02288298f, 0.0032127802f,
                           -0.0002137213f);
  fk_vec large = 1 - fk_exp_negative(-b - b * q);
  fk_vec small = x + x * FK_POLYNOMIAL(z, 0.12837915f, -0.37612486f, 0.11281721f, -0.026763134f,
                                       0.0049880086f, -0.000596425f);
#endif
  return fk_select(a > end, fk_copysign(large, x), small);
}

/* 1 - erf(x). At most 4 ulp (f32), 5 (f64); 4.7 in float32 without fused multiply-adds. */
FK_INLINE fk_vec fk_erfc(fk_vec x) {
  fk_vec erfc = fk_normal_parts(fk_abs(x), FK_BELL_LAST).erfc;
  return fk_select(x < 0, 2 - erfc, erfc);
}

/* x to the power y for x >= 0, as exp(y log x): relative error about |y log x| times that of log.
 * pow(x, 0) = pow(1, y) = 1. A negative x gives NaN. */
FK_INLINE fk_vec fk_pow(fk_vec x, fk_vec y) {
  fk_vec p = fk_exp(y * fk_log(x));
  return fk_select((y == 0) | (x == 1), fk_splat(1), p);
}
#endif
