/// Artifacts with code for several processors, one version for each.
extension ArtifactSource {
  /// The C of such an artifact.
  public struct Versions {
    /// The translation units of each version, in the order of the names that were given. Each version is
    /// compiled for its own processor.
    public let units: [[[UInt8]]]
    /// The unit with the functions of the interface, which choose a version when the object is loaded, and
    /// with the weights, which all versions share. It is compiled for every processor of the family.
    public let chooser: [UInt8]
    /// What the file that the chooser takes the weights from holds.
    public let weights: [UInt8]
  }

  /// A function of the interface as C declares it.
  private struct Entry {
    let result: String
    /// The name after the prefix.
    let name: String
    /// The parameters, separated by commas; nothing for none.
    let parameters: String

    init(_ name: String, _ parameters: String, result: String = "int") {
      (self.result, self.name, self.parameters) = (result, name, parameters)
    }

    /// The names of the parameters.
    var arguments: String {
      parameters.split(separator: ",").compactMap { parameter in
        parameter.split { $0 == " " || $0 == "*" }.last.map(String.init)
      }.joined(separator: ", ")
    }

    var list: String { parameters.isEmpty ? "void" : parameters }

    /// The declaration of a pointer to it.
    var pointer: String { "\(result) (*\(name))(\(list));" }
  }

  /// The functions that compute something.
  private var computing: [Entry] {
    functions.flatMap { kind -> [Entry] in
      let parameters = kind.arguments.map { $0.declaration(real) }.joined(separator: ", ")
      let entry = Entry(kind.rawValue, parameters)
      switch kind {
      case .sample:
        let boxes = [
          Entry("sample_rows", parametersOfRows), Entry("sample_within", parametersOfWithin),
          Entry("log_mass", parametersOfMass),
        ]
        return [entry, Entry("sample_each", parametersOfEach)] + (wide == nil ? boxes : [])
      case .logProb:
        return [entry] + (wide == nil ? [Entry("log_prob_within", parametersOfDensity)] : [])
      case .transform, .inverse, .logProbGradient, .logProbHVP: return [entry]
      }
    }
  }

  /// The functions that tell or set something.
  private var others: [Entry] {
    [
      Entry("abi_version", "", result: "int64_t"), Entry("set_threads", "int n", result: "void"),
      Entry("last_error", "", result: "const char *"),
      Entry("description", "", result: "const char *"),
    ]
  }

  /// The C of an artifact with a version for each of several processors, the best first.
  ///
  /// A version is the C of `units(kernels:hash:weightsIn:)`, whose functions have names and visibility of
  /// their own; only those of the chooser are visible from outside.
  public func versions(
    _ names: [String], kernels: (String) -> String, hash: (String) -> String, weightsIn path: String
  ) -> Versions {
    let code = code(kernels: kernels, hash: hash)
    let units = code.units
    let texts = texts(
      of: units, code, kernels: kernels, weights: code.weights.declared(dtype: dtype))
    let versions = names.map { name in
      let start = Array(versionStart(name, of: names, units).utf8)
      let end = Array(Self.versionEnd(Self.identifier(name)).utf8)
      return texts.enumerated().map { index, unit in start + unit + (index == 0 ? end : []) }
    }
    let chooser = chooser(names, weights: code.weights.placed(from: path))
    return Versions(units: versions, chooser: Array(chooser.utf8), weights: code.block)
  }

  /// A processor's name as part of a C name.
  private static func identifier(_ name: String) -> String {
    String(name.map { $0.isLetter || $0.isNumber ? $0 : "_" })
  }

  /// What comes before the C of a version: its functions get names of their own, and are hidden.
  private func versionStart(_ name: String, of names: [String], _ units: CUnits) -> String {
    let suffix = "_" + Self.identifier(name)
    let own = (computing + others).map { "\(prefix)_\($0.name)" } + units.names
    let list = names.map { "\\\"\($0)\\\"" }.joined(separator: ", ")
    return "#define FLOW_EXPORT __attribute__((visibility(\"hidden\")))\n"
      + "#define FLOW_CPUS \"\(list)\"\n"
      + own.map { "#define \($0) \($0)\(suffix)\n" }.joined()
  }

  /// What comes after: a function that says what the processor lacks for this version.
  private static func versionEnd(_ name: String) -> String {
    """

    FLOW_EXPORT FLOW_PLAIN const char *flow_lacking_\(name)(void) { return flow_lacking(); }

    """
  }

  /// The unit with the functions of the interface.
  private func chooser(_ names: [String], weights: String) -> String {
    let entries = computing + others
    let declarations = names.map { name in
      let suffix = "_" + Self.identifier(name)
      return "FLOW_HIDDEN const char *flow_lacking\(suffix)(void);\n"
        + entries.map {
          "FLOW_HIDDEN \($0.result) \(prefix)_\($0.name)\(suffix)(\($0.list));\n"
        }.joined()
    }.joined()
    let rows = names.map { name in
      let suffix = "_" + Self.identifier(name)
      return "    {\"\(name)\", flow_lacking\(suffix),\n"
        + entries.map { "     \(prefix)_\($0.name)\(suffix),\n" }.joined() + "    },\n"
    }.joined()
    let calls = computing.map { entry in
      let name = "\(prefix)_\(entry.name)"
      return """
        FLOW_EXPORT int \(name)(\(entry.list)) {
          if (!flow_chosen) return flow_refuse("\(name)");
          return flow_chosen->\(entry.name)(\(entry.arguments));
        }

        """
    }.joined()
    return """
      /* \(title): the functions of the interface, which call the version for this processor. */
      #include <stdint.h>
      #include <stdio.h>
      #include <stdlib.h>
      #include <string.h>

      #define FLOW_EXPORT __attribute__((visibility("default")))
      #define FLOW_HIDDEN __attribute__((visibility("hidden")))

      \(weights)
      \(declarations)
      typedef struct {
        const char *cpu;
        /* What the version needs and the processor lacks; NULL if nothing. */
        const char *(*lacking)(void);
      \(entries.map { "  \($0.pointer)\n" }.joined())} flow_version;

      /* The best first. */
      static const flow_version flow_versions[] = {
      \(rows)};
      enum { FLOW_VERSIONS = sizeof flow_versions / sizeof flow_versions[0] };

      /* The version in use; NULL if there is none, and why. */
      static const flow_version *flow_chosen;
      static char flow_reason[192];
      static _Thread_local char flow_error[256];

      /* Chooses when the object is loaded: what FLOWIR_CPU names, else the best that the processor can run. */
      __attribute__((constructor)) static void flow_choose(void) {
        const char *named = getenv("FLOWIR_CPU"), *lacking = "";
        for (int i = 0; i < FLOW_VERSIONS; i++) {
          const flow_version *version = flow_versions + i;
          if (named && *named && strcmp(named, version->cpu)) continue;
          lacking = version->lacking();
          if (!lacking) {
            flow_chosen = version;
            return;
          }
        }
        if (!*lacking)
          snprintf(flow_reason, sizeof flow_reason, "FLOWIR_CPU is %.60s, and this was compiled for \
      \(names.joined(separator: ", "))", named);
        else
          snprintf(flow_reason, sizeof flow_reason, "compiled for processors with %s, which this one lacks; "
                   "compile it for this one, or with --cpu x86-64", lacking);
      }

      static int flow_refuse(const char *function) {
        snprintf(flow_error, sizeof flow_error, "%s: %s", function, flow_reason);
        return 3;
      }

      \(calls)
      FLOW_EXPORT int64_t \(prefix)_abi_version(void) { return \(Self.abiVersion); }

      FLOW_EXPORT void \(prefix)_set_threads(int n) {
        if (flow_chosen) flow_chosen->set_threads(n);
      }

      FLOW_EXPORT const char *\(prefix)_last_error(void) {
        return flow_chosen ? flow_chosen->last_error() : flow_error;
      }

      FLOW_EXPORT const char *\(prefix)_description(void) {
        return (flow_chosen ? flow_chosen : flow_versions + FLOW_VERSIONS - 1)->description();
      }

      """
  }
}
