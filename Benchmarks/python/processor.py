"""What kind of processor this is: its name, its generation where the name hides it, its vectors."""

import platform


def fields():
    """The first processor's fields of /proc/cpuinfo; none where there is no such file."""
    try:
        with open("/proc/cpuinfo") as file:
            text = file.read().split("\n\n")[0]
    except OSError:
        return {}
    pairs = (line.split(":", 1) for line in text.splitlines() if ":" in line)
    return {key.strip(): value.strip() for key, value in pairs}


# Intel's server processors of family 6, by their model numbers (Software Developer's Manual, volume 4).
INTEL = {85: "Skylake to Cooper Lake", 106: "Ice Lake", 143: "Sapphire Rapids", 173: "Granite Rapids",
         207: "Emerald Rapids"}


def generation(known):
    """The generation, by AMD's revision guides and Intel's manual; "" for others."""
    vendor = known.get("vendor_id")
    if vendor not in ("AuthenticAMD", "GenuineIntel"):
        return ""
    family, model = int(known["cpu family"]), int(known["model"])
    if vendor == "GenuineIntel":
        return INTEL.get(model, "") if family == 6 else ""
    if family == 26:
        return "Zen 5"
    if family == 25:
        return "Zen 4" if 0x10 <= model < 0x20 or 0x60 <= model < 0xB0 else "Zen 3"
    if family == 23:
        return "Zen 2" if model >= 0x30 else "Zen"
    return ""


def vectors(known):
    """The widest vectors that compiled code uses here."""
    flags = known.get("flags", "").split()
    if {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"} <= set(flags):
        return "AVX-512"
    if {"avx2", "fma"} <= set(flags):
        return "AVX2"
    return "NEON" if platform.machine() in ("aarch64", "arm64") else "SSE2"


def describe():
    """The processor's name and kind: results of one kind belong together."""
    known = fields()
    name = known.get("model name") or platform.processor() or platform.machine()
    newer = generation(known)
    return {"processor": name,
            "kind": f"{name} ({newer}), {vectors(known)}" if newer else f"{name}, {vectors(known)}"}
