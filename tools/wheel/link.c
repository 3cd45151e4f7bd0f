/* What the wheel's executable is linked with instead of the toolchain's own.
 *
 * Foundation brings 34 MB of ICU's data (calendars, languages, collations), which nothing here uses: an
 * archive without entries takes their place. hypot, hypotf and a condition variable's wait got new versions
 * in glibc 2.35 and GCC 12, which say the same: the older ones let the executable run on glibc 2.34. */
#include <stdint.h>

/* ICU's common data: a header of 32 bytes, and a table of contents. */
struct archive {
  uint16_t header_size;
  uint8_t magic[2];
  uint16_t info_size, reserved;
  uint8_t is_big_endian, charset, bytes_per_character, reserved2;
  uint8_t format[4], format_version[4], data_version[4];
  uint8_t padding[8];
  uint32_t entries, end;
};
__attribute__((aligned(16))) const struct archive ARCHIVE = {
  .header_size = 32, .magic = {0xda, 0x27}, .info_size = 20, .bytes_per_character = 2,
  .format = "CmnD", .format_version = {1},
};

#ifdef __x86_64__
double old_hypot(double, double);
float old_hypotf(float, float);
__asm__(".symver old_hypot,hypot@GLIBC_2.2.5");
__asm__(".symver old_hypotf,hypotf@GLIBC_2.2.5");
double __wrap_hypot(double x, double y) { return old_hypot(x, y); }
float __wrap_hypotf(float x, float y) { return old_hypotf(x, y); }

void old_wait(void *, void *);
__asm__(".symver old_wait,_ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE@GLIBCXX_3.4.11");
void WAIT(void *condition, void *lock) __asm__(
  "__wrap__ZNSt18condition_variable4waitERSt11unique_lockISt5mutexE");
void WAIT(void *condition, void *lock) { old_wait(condition, lock); }
#endif
