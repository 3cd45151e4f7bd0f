/* Vector math, inlined: argument reduction as in Cody and Waite, "Software Manual for the
 * Elementary Functions" (1980), and Tang (1989); polynomials are minimax-like Chebyshev fits made
 * for these intervals. Bounds are the largest error found by the tests, in units in the last place.
 * NaN gives NaN everywhere. */
#ifndef FK_MATH_H
#define FK_MATH_H
#include "fk_base.h"

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
#define FK_LN2_HIGH 6.93359375e-1f
#define FK_LN2_LOW -2.12194440e-4f
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
 * FK_HORNER on are summed as even and odd powers beside each other, so that fewer steps wait for one
 * another; the first steps, whose rounding counts, stay as they are. */
#define FK_HORNER 3
#define FK_LONG 12
FK_INLINE fk_vec fk_polynomial(fk_vec x, const fk_real *c, int n) {
  int first = n > FK_LONG ? FK_HORNER : n - 1;
  fk_vec p = fk_splat(c[n - 1]);
  if (first < n - 1) {
    fk_vec odd = fk_splat(c[n - 2]), z = x * x;
    FK_UNROLL
    for (int i = 22; i >= 0; i--)
      if (i >= first && i < n - 2) {
        if ((n - 1 - i) & 1)
          odd = odd * z + c[i];
        else
          p = p * z + c[i];
      }
    p = (n - 1 - first) & 1 ? p * x + odd : odd * x + p;
  }
  FK_UNROLL
  for (int i = 22; i >= 0; i--)
    if (i < first)
      p = p * x + c[i];
  return p;
}
#define FK_POLYNOMIAL(x, ...)                                                                      \
  fk_polynomial((x), (const fk_real[]){__VA_ARGS__},                                               \
                sizeof((const fk_real[]){__VA_ARGS__}) / sizeof(fk_real))

/* 2^n for n within the normal exponents. */
FK_INLINE fk_vec fk_power_of_two(fk_int n) { return (fk_vec)((n + FK_BIAS) << FK_MANTISSA); }

/* x = n ln 2 + r with |r| <= ln 2 / 2; gives r and n, both as a real and as an integer. */
FK_INLINE fk_vec fk_reduce_exp(fk_vec x, fk_vec *real_n, fk_int *n) {
  fk_vec shifted = x * FK_LOG2E + FK_ROUND;
  *real_n = shifted - FK_ROUND;
  *n = (fk_int)shifted - (fk_int)fk_splat(FK_ROUND);
  return (x - *real_n * FK_LN2_HIGH) - *real_n * FK_LN2_LOW;
}

/* (exp(r) - 1 - r) / r^2 on |r| <= ln 2 / 2. */
FK_INLINE fk_vec fk_exp_tail(fk_vec r) {
#ifdef FK_DOUBLE
  return FK_POLYNOMIAL(r, 0.5, 0.16666666666666671, 0.041666666666666671, 0.0083333333333249059,
                       0.001388888888888287, 0.00019841269879033045, 2.4801587328555858e-05,
                       2.7557250163029179e-06, 2.7557269903215795e-07, 2.5107353767261877e-08,
                       2.0916212837493853e-09);
#else
  return FK_POLYNOMIAL(r, 0.500000002f, 0.166666667f, 0.0416664484f, 0.00833330909f,
                       0.00139354518f, 0.000198929918f);
#endif
}

/* p 2^n, rounded gradually where it underflows. */
FK_INLINE fk_vec fk_scale(fk_vec p, fk_vec real_n, fk_int n) {
#if defined(__AVX512F__) && defined(FK_DOUBLE)
  (void)n;
  return __builtin_ia32_scalefpd512_mask(p, real_n, p, (unsigned char)-1, 4);
#elif defined(__AVX512F__)
  (void)n;
  return __builtin_ia32_scalefps512_mask(p, real_n, p, (unsigned short)-1, 4);
#else
  (void)real_n;
  fk_int half = n >> 1; /* two factors, so that neither over- nor underflows by itself */
  return p * fk_power_of_two(half) * fk_power_of_two(n - half);
#endif
}

/* exp(x). Overflows to infinity, underflows gradually to 0. At most 1.3 ulp (f32), 1.1 (f64). */
FK_INLINE fk_vec fk_exp(fk_vec x) {
  x = fk_select(x > FK_EXP_MAX, fk_splat(FK_EXP_MAX), x);
  x = fk_select(x < FK_EXP_MIN, fk_splat(FK_EXP_MIN), x);
  fk_vec real_n;
  fk_int n;
  fk_vec r = fk_reduce_exp(x, &real_n, &n);
  fk_vec p = (r * r) * fk_exp_tail(r) + r + 1;
  return fk_scale(p, real_n, n);
}

/* p 2^n for n <= 0, which cannot overflow: the first product is 2^FK_LIFT too large, and the last
 * rounds gradually where the result underflows. */
FK_INLINE fk_vec fk_scale_down(fk_vec p, fk_int n) {
  return p * fk_power_of_two(n + FK_LIFT) * FK_LOWER;
}

/* exp(x) for x <= 0. At most 1.3 ulp (f32), 1.1 (f64). */
FK_INLINE fk_vec fk_exp_negative(fk_vec x) {
  x = fk_select(x < FK_EXP_MIN, fk_splat(FK_EXP_MIN), x);
  fk_vec real_n;
  fk_int n;
  fk_vec r = fk_reduce_exp(x, &real_n, &n);
  return fk_scale_down((r * r) * fk_exp_tail(r) + r + 1, n);
}

/* exp(x) - 1 for |x| <= 80, as 2^n (exp(r) - 1) + (2^n - 1). */
FK_INLINE fk_vec fk_expm1_bounded(fk_vec x) {
  fk_vec real_n;
  fk_int n;
  fk_vec r = fk_reduce_exp(x, &real_n, &n);
  fk_vec p = (r * r) * fk_exp_tail(r) + r;
  fk_vec scale = fk_power_of_two(n);
  return p * scale + (scale - 1);
}

/* exp(x) - 1 without cancellation near 0; keeps -0. At most 2 ulp. Computed as half of it, doubled
 * last, since 2^n may be too large for a number that exp(x) is not. */
FK_INLINE fk_vec fk_expm1(fk_vec x) {
  fk_vec bounded = fk_select(x > FK_EXP_MAX, fk_splat(FK_EXP_MAX), x);
  bounded = fk_select(bounded < -40, fk_splat(-40), bounded);
  fk_vec real_n;
  fk_int n;
  fk_vec r = fk_reduce_exp(bounded, &real_n, &n);
  fk_vec p = (r * r) * fk_exp_tail(r) + r;
  fk_vec half = fk_power_of_two(n - 1);
  fk_vec y = (p * half + (half - (fk_real)0.5)) * 2;
  /* Halves of subnormal numbers lose a digit; and 0 keeps its sign. */
  return fk_select(fk_abs(x) < FK_ITSELF, x, y);
}

/* x for x >= 0, else exp(x) - 1; keeps -0. At most 1 ulp (f32), 1.1 (f64). The rounding of ln 2 needs no
 * second term, since 2^n - 1 outweighs it. */
FK_INLINE fk_vec fk_elu(fk_vec x) {
  fk_vec bounded = fk_select(x < -40, fk_splat(-40), x);
  fk_vec shifted = bounded * FK_LOG2E + FK_ROUND;
  fk_vec r = bounded - (shifted - FK_ROUND) * (fk_real)0.69314718055994531;
  fk_vec p = (r * r) * fk_exp_tail(r) + r;
  fk_vec scale = (fk_vec)(((fk_int)shifted << FK_MANTISSA) + (fk_int)fk_splat(1));
  return fk_select(x < 0, p * scale + (scale - 1), x);
}

/* x = m 2^e with sqrt(1/2) <= m < sqrt(2); gives m - 1 and e. Meant for positive finite x. */
FK_INLINE fk_vec fk_split_log(fk_vec x, fk_vec *exponent) {
  fk_int tiny = x < FK_NORMAL_MIN;
  x = fk_select(tiny, x * FK_SUBNORMAL_SCALE, x);
  fk_int bits = (fk_int)x;
  fk_int offset = (fk_int)fk_splat((fk_real)0.70710678118654752);
  fk_int e = (bits - offset) >> FK_MANTISSA;
  fk_vec m = (fk_vec)(bits - (e << FK_MANTISSA));
  *exponent = fk_to_real(e) - fk_select(tiny, fk_splat(FK_SUBNORMAL_SHIFT), fk_splat(0));
  return m - 1;
}

/* log(1 + f) + e ln 2 for the parts that fk_split_log gives; a correction is added last. */
FK_INLINE fk_vec fk_join_log(fk_vec f, fk_vec e, fk_vec correction) {
  fk_vec half_square = f * f * (fk_real)0.5;
#ifdef FK_DOUBLE
  fk_vec s = f / (f + 2), z = s * s;
  fk_vec tail = z * FK_POLYNOMIAL(z, 0.66666666666666663, 0.39999999999999991, 0.28571428571435858,
                                  0.22222222219710297, 0.18181818615177278, 0.15384573450028968,
                                  0.13335711085008436, 0.11686508917312045, 0.11896558568412165);
  tail = s * (half_square + tail) + (e * FK_LN2_LOW + correction);
  return e * FK_LN2_HIGH + (f - (half_square - tail));
#else
  fk_vec p = FK_POLYNOMIAL(f, 0.333333312f, -0.249999969f, 0.200007207f, -0.166678098f,
                           0.14248877f, -0.124253598f, 0.116870249f, -0.114830813f,
                           0.0697134632f);
  fk_vec tail = f * f * f * p + (e * FK_LN2_LOW + correction);
  return e * FK_LN2_HIGH + (f + (tail - half_square));
#endif
}

/* log(x): -inf at 0 and -0, NaN below, infinity at infinity. At most 0.9 ulp. */
FK_INLINE fk_vec fk_log(fk_vec x) {
  fk_vec e;
  fk_vec f = fk_split_log(x, &e);
  fk_vec y = fk_join_log(f, e, fk_splat(0));
  y = fk_select(x == FK_INFINITY, x, y);
  y = fk_select(x == 0, fk_splat(-FK_INFINITY), y);
  return fk_select((x < 0) | (x != x), fk_splat(FK_NAN), y);
}

/* log(1 + x), exact in the small; keeps -0; -inf at -1. At most 2 ulp. The rounding of 1 + x is
 * made good by its first-order correction (Goldberg 1991, theorem 4). */
FK_INLINE fk_vec fk_log1p(fk_vec x) {
  fk_vec u = x + 1, e;
  fk_vec lost = fk_select(x > 1, 1 - (u - x), x - (u - 1));
  fk_vec f = fk_split_log(u, &e);
  fk_vec y = fk_join_log(f, e, lost / u);
  y = fk_select(fk_abs(x) < FK_ITSELF, x, y);
  y = fk_select(x == FK_INFINITY, x, y);
  y = fk_select(x == -1, fk_splat(-FK_INFINITY), y);
  return fk_select((x < -1) | (x != x), fk_splat(FK_NAN), y);
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

/* erf(a) and its complement for a >= 0, from one reduction: erf(a) = a P(a^2) for a < 1/2, and
 * erfc(a) = exp(-a^2) erfcx(a) above, with (a + 2) erfcx(a) as a polynomial in t = (a - 2) / (a + 2): it is
 * fitted on the a whose erfc does not underflow. The square is split in an exact part and the rest, since
 * its rounding would be multiplied by it; the rest joins after the reduction. Of two of the functions below,
 * of one number or of its negative, the compiler computes this once. */
FK_INLINE void fk_erf_both(fk_vec a, fk_vec *erf, fk_vec *erfc) {
  fk_vec z = a * a;
#ifdef FK_DOUBLE
  fk_vec c = fk_select(a > 28, fk_splat(28), a);
  fk_vec high = (fk_vec)((fk_int)c & ~(((fk_word)1 << 27) - 1));
#else
  fk_vec c = fk_select(a > 11, fk_splat(11), a);
  fk_vec high = (fk_vec)((fk_int)c & ~(((fk_word)1 << 12) - 1));
#endif
  fk_vec q = 1 / (c + 2), t = (c - 2) * q;
#ifdef FK_DOUBLE
  fk_vec small = a * FK_POLYNOMIAL(z, 1.1283791670955126, -0.3761263890318375, 0.11283791670954864,
                                   -0.026866170644997654, 0.005223977621974562,
                                   -0.0008548326505839159, 0.00012055285871013896,
                                   -1.4922990295838226e-05, 1.6370955957084287e-06,
                                   -1.4618441321282917e-07);
  fk_vec tail = FK_POLYNOMIAL(t, 1.021582705242023, -0.6871606844138092, 0.27947209255605543,
                              -0.03644223150710461, -0.02151066188941024, 0.006479185077979118,
                              0.003090612051664265, -0.0008372962732328206,
                              -0.0006630732865900323, 3.4373768675400076e-05,
                              0.0001444676803562024, 3.413399156121904e-05,
                              -2.1672171147915042e-05, -1.6065654720639323e-05,
                              -1.2366935865325065e-06, 3.534975534868065e-06,
                              2.304350251608632e-06, 7.086913830718098e-08,
                              -1.026841208200186e-06, -2.2135440368694972e-07,
                              3.136129601600999e-07, -4.053474827902712e-08);
#else
  fk_vec small = a * FK_POLYNOMIAL(z, 1.1283791f, -0.37612608f, 0.112828225f, -0.026757184f,
                                   0.0047179903f);
  fk_vec tail = FK_POLYNOMIAL(t, 1.0215827f, -0.6871607f, 0.2794719f, -0.03644389f,
                              -0.021506406f, 0.0064963624f, 0.0030561215f, -0.0009046211f,
                              -0.00054724416f, 0.00013233784f);
#endif
  fk_vec square = high * high, rest = (high - c) * (high + c);
  fk_vec shifted = (rest - square) * FK_LOG2E + FK_ROUND;
  fk_vec n = shifted - FK_ROUND;
  fk_vec r = ((-square - n * FK_LN2_HIGH) - n * FK_LN2_LOW) + rest;
  fk_vec p = (r * r) * fk_exp_tail(r) + r + 1;
  fk_vec large = fk_scale_down(p * (tail * q), (fk_int)shifted - (fk_int)fk_splat(FK_ROUND));
  fk_int near = a < (fk_real)0.5;
  *erf = fk_select(near, small, 1 - large);
  *erfc = fk_select(near, 1 - small, large);
}

/* The error function where erfc of the same number or of its negative is wanted too; keeps -0. At most
 * 3 ulp. */
FK_INLINE fk_vec fk_erf_beside_erfc(fk_vec x) {
  fk_vec erf, erfc;
  fk_erf_both(fk_abs(x), &erf, &erfc);
  return fk_copysign(erf, x);
}

/* The error function; keeps -0. At most 1.2 ulp (f32), 3 (f64). In float32 it is 1 - exp(-a - a P(a)) for
 * large a, which needs no division; the coefficients of both ranges are minimax fits. */
FK_INLINE fk_vec fk_erf(fk_vec x) {
#ifdef FK_DOUBLE
  return fk_erf_beside_erfc(x);
#else
  fk_vec a = fk_abs(x), z = x * x;
  fk_vec b = fk_select(a > 4, fk_splat(4), a);
  fk_vec q = FK_POLYNOMIAL(b, 0.12851189f, 0.63572663f, 0.105250925f, -0.02288298f, 0.0032127802f,
                           -0.0002137213f);
  fk_vec large = 1 - fk_exp_negative(-b - b * q);
  fk_vec small = x + x * FK_POLYNOMIAL(z, 0.12837915f, -0.37612486f, 0.11281721f, -0.026763134f,
                                       0.0049880086f, -0.000596425f);
  return fk_select(a > 0.9277f, fk_copysign(large, x), small);
#endif
}

/* 1 - erf(x). At most 4 ulp. */
FK_INLINE fk_vec fk_erfc(fk_vec x) {
  fk_vec erf, erfc;
  fk_erf_both(fk_abs(x), &erf, &erfc);
  return fk_select(x < 0, 1 + erf, erfc);
}

/* x to the power y for x >= 0, as exp(y log x): relative error about |y log x| times that of log.
 * pow(x, 0) = pow(1, y) = 1. A negative x gives NaN. */
FK_INLINE fk_vec fk_pow(fk_vec x, fk_vec y) {
  fk_vec p = fk_exp(y * fk_log(x));
  return fk_select((y == 0) | (x == 1), fk_splat(1), p);
}
#endif
