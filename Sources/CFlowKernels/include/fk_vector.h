/* Vectors of rows and their elementary operations. A file that has wide vectors has this text and that of
 * fk_math.h again, with other names: fw_vec for fk_vec, and so on. */
#ifndef FK_VECTOR_H
#define FK_VECTOR_H
#include "fk_base.h"

typedef fk_real fk_vec __attribute__((vector_size(FK_BYTES), aligned(FK_ALIGNMENT)));
typedef fk_word fk_int __attribute__((vector_size(FK_BYTES), aligned(FK_ALIGNMENT)));
/* A vector in the registers that it takes, for instructions of one. */
typedef union {
  fk_vec vector;
  fk_register registers[FK_BYTES / sizeof(fk_register)];
} fk_parts;
typedef fk_real fk_vec_unaligned
    __attribute__((vector_size(FK_BYTES), aligned(FK_REAL_BYTES), may_alias));
typedef fk_word fk_int_unaligned
    __attribute__((vector_size(FK_BYTES), aligned(FK_REAL_BYTES), may_alias));

FK_INLINE fk_vec fk_splat(fk_real x) { return x - (fk_vec){0}; }
FK_INLINE fk_int fk_splat_int(fk_word x) { return x - (fk_int){0}; }
FK_INLINE fk_vec fk_load(const fk_real *p) { return *(const fk_vec *)p; }
FK_INLINE void fk_store(fk_real *p, fk_vec x) { *(fk_vec *)p = x; }
FK_INLINE fk_vec fk_loadu(const fk_real *p) { return *(const fk_vec_unaligned *)p; }
FK_INLINE void fk_storeu(fk_real *p, fk_vec x) { *(fk_vec_unaligned *)p = x; }
/* Integers and masks lie in slots of the same size as reals. */
FK_INLINE fk_int fk_load_int(const fk_real *p) { return (fk_int)*(const fk_vec *)p; }
FK_INLINE void fk_store_int(fk_real *p, fk_int x) { *(fk_vec *)p = (fk_vec)x; }
FK_INLINE fk_int fk_loadu_int(const fk_real *p) { return (fk_int)fk_loadu(p); }
FK_INLINE void fk_storeu_int(fk_real *p, fk_int x) { fk_storeu(p, (fk_vec)x); }

/* The first n < FK_LANES numbers; the other lanes are zero, or are not written. */
FK_INLINE fk_vec fk_load_part(const fk_real *p, int64_t n) {
  fk_vec x = {0};
  for (int64_t i = 0; i < n; i++)
    x[i] = p[i];
  return x;
}
FK_INLINE void fk_store_part(fk_real *p, fk_vec x, int64_t n) {
  for (int64_t i = 0; i < n; i++)
    p[i] = x[i];
}

/* a where the mask's lanes are -1, b where they are 0. */
FK_INLINE fk_int fk_select_int(fk_int m, fk_int a, fk_int b) { return (m & a) | (~m & b); }
FK_INLINE fk_vec fk_select(fk_int m, fk_vec a, fk_vec b) {
  return (fk_vec)fk_select_int(m, (fk_int)a, (fk_int)b);
}
FK_INLINE fk_vec fk_to_real(fk_int x) { return __builtin_convertvector(x, fk_vec); }
FK_INLINE fk_int fk_to_int(fk_vec x) { return __builtin_convertvector(x, fk_int); }

/* Whether a lane of a mask is set. */
FK_INLINE int fk_any(fk_int m) {
  fk_word any = 0;
  FK_UNROLL
  for (size_t i = 0; i < sizeof(m) / sizeof(any); i++)
    any |= m[i];
  return any != 0;
}

/* NaN if either operand is. */
FK_INLINE fk_vec fk_max(fk_vec a, fk_vec b) {
  return fk_select(a != a, a, fk_select(a > b, a, b));
}
FK_INLINE fk_vec fk_min(fk_vec a, fk_vec b) {
  return fk_select(a != a, a, fk_select(a < b, a, b));
}
FK_INLINE fk_int fk_max_int(fk_int a, fk_int b) { return fk_select_int(a > b, a, b); }
FK_INLINE fk_int fk_min_int(fk_int a, fk_int b) { return fk_select_int(a < b, a, b); }
/* max(0, x); NaN passes through, since the comparison with it is false. */
FK_INLINE fk_vec fk_relu(fk_vec x) { return fk_select(fk_splat(0) > x, fk_splat(0), x); }
FK_INLINE fk_vec fk_abs(fk_vec x) {
#if defined(__clang__)
  return __builtin_elementwise_abs(x); /* of which clang knows that it is that of -x */
#endif
  return (fk_vec)((fk_int)x & ~(fk_int)(fk_splat(-(fk_real)0)));
}
FK_INLINE fk_vec fk_copysign(fk_vec magnitude, fk_vec sign) {
  fk_int bit = (fk_int)fk_splat(-(fk_real)0);
  fk_vec result = (fk_vec)(((fk_int)magnitude & ~bit) | ((fk_int)sign & bit));
#if defined(__clang__) && defined(__AVX512F__)
  /* Keeps clang 21 from merging this with a select that follows: it swaps the operands of the masked
   * vpternlog that comes of it when the bit lies in memory. */
  fk_parts parts = {result};
  FK_UNROLL
  for (size_t i = 0; i < sizeof(parts) / sizeof(fk_register); i++)
    __asm__("" : "+v"(parts.registers[i]));
  result = parts.vector;
#endif
  return result;
}
FK_INLINE fk_vec fk_sign(fk_vec x) {
  fk_vec one = fk_select(x > fk_splat(0), fk_splat(1), fk_splat(0));
  fk_vec s = fk_select(x < fk_splat(0), fk_splat(-1), one);
  return fk_select(x != x, x, s);
}
FK_INLINE fk_int fk_is_nan(fk_vec x) { return x != x; }
FK_INLINE fk_int fk_is_finite(fk_vec x) { return (x - x) == fk_splat(0); }

/* x^2 - z, where z is the rounded square of x, without a fused multiply-add: by the digits in halves (Dekker, "A
 * floating-point technique for extending the available precision", 1971). */
FK_INLINE fk_vec fk_square_error(fk_vec x, fk_vec z) {
  fk_vec high = (fk_vec)((fk_int)x & ~(((fk_word)1 << FK_HALF_DIGITS) - 1));
  return (high * high - z) + (x - high) * (x + high);
}

/* Correctly rounded. */
FK_INLINE fk_vec fk_sqrt(fk_vec x) {
#if defined(__clang__)
  return __builtin_elementwise_sqrt(x);
#else
  for (int i = 0; i < FK_LANES; i++)
#ifdef FK_DOUBLE
    x[i] = __builtin_sqrt(x[i]);
#else
    x[i] = __builtin_sqrtf(x[i]);
#endif
  return x;
#endif
}
FK_INLINE fk_vec fk_floor(fk_vec x) {
#if defined(__clang__)
  return __builtin_elementwise_floor(x);
#else
  for (int i = 0; i < FK_LANES; i++)
#ifdef FK_DOUBLE
    x[i] = __builtin_floor(x[i]);
#else
    x[i] = __builtin_floorf(x[i]);
#endif
  return x;
#endif
}
FK_INLINE fk_vec fk_rsqrt(fk_vec x) { return fk_splat(1) / fk_sqrt(x); }
#endif
