/// What a file is by its first bytes, to say so where another kind is expected.
public enum FileKind: Sendable {
  /// A NumPy array.
  case npy
  /// A zip archive: `.npz`, or a checkpoint of PyTorch.
  case zip
  /// A shared object or program.
  case object
  /// JSON text.
  case json
  /// A safetensors file.
  case safetensors
  /// A pickle of Python.
  case pickle

  /// The kind of a file that starts with these bytes; nil if it is none of these.
  public init?(_ bytes: some Collection<UInt8>) {
    let start = Array(bytes.prefix(10))
    if start.starts(with: [0x93] + "NUMPY".utf8) {
      self = .npy
    } else if start.starts(with: "PK".utf8) {
      self = .zip
    } else if start.starts(with: [0x7f] + "ELF".utf8) {
      self = .object
    } else if start.count > 8, start[8] == UInt8(ascii: "{"), start[6] == 0, start[7] == 0 {
      self = .safetensors
    } else if start.first == 0x80, start.count > 1, (2...5).contains(start[1]) {
      self = .pickle
    } else if start.first(where: { $0 > 0x20 }) == UInt8(ascii: "{") {
      self = .json
    } else {
      return nil
    }
  }

  /// The kind in words.
  public var name: String {
    switch self {
    case .npy: "a NumPy array (.npy)"
    case .zip: "a zip archive (.npz, or a checkpoint of PyTorch)"
    case .object: "a shared object or program"
    case .json: "JSON text"
    case .safetensors: "a safetensors file"
    case .pickle: "a pickle of Python"
    }
  }

  /// What to do with such a file where a model is expected.
  var adviceForModel: String {
    switch self {
    case .npy, .safetensors: ""
    case .zip, .pickle: "; convert a checkpoint with the Python package flowir"
    case .object: "; the name of a compiled flow ends in .so"
    case .json: "; a description alone is for train --config"
    }
  }
}
