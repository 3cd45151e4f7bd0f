import FlowCodegen
import FlowFiles
import Foundation

#if canImport(Glibc)
  import Glibc
#elseif canImport(Darwin)
  import Darwin
#endif

/// The shared object of a compiled artifact, loaded for as long as the process lives.
final class ArtifactLibrary: @unchecked Sendable {
  let path: String
  let prefix: String
  /// A JSON object.
  let description: String
  private let handle: UnsafeMutableRawPointer

  /// Loads a shared object that `flowir compile` made.
  ///
  /// - Throws: `RuntimeError` if it is none, or can't be loaded here.
  init(path: String) throws(RuntimeError) {
    self.path = path
    let prefix = try Self.prefix(of: path)
    self.prefix = prefix
    // With a slash in the name, only this very file is looked for.
    let place = URL(fileURLWithPath: path).path
    guard let handle = dlopen(place, RTLD_NOW | RTLD_LOCAL) else {
      throw .loading(path, String(cString: dlerror()))
    }
    self.handle = handle
    typealias Version = @convention(c) () -> Int64
    typealias Text = @convention(c) () -> UnsafePointer<CChar>
    guard let version = dlsym(handle, prefix + "_abi_version"),
      let text = dlsym(handle, prefix + "_description")
    else { throw .notAnArtifact(path: path, reason: "\(prefix)_abi_version is missing") }
    let number = unsafeBitCast(version, to: Version.self)()
    guard number == ArtifactSource.abiVersion else {
      throw .notAnArtifact(
        path: path,
        reason: "has version \(number) of the interface, expected \(ArtifactSource.abiVersion)")
    }
    description = String(cString: unsafeBitCast(text, to: Text.self)())
  }

  /// The address of a function of the interface; nil if the artifact was compiled without it.
  func symbol(_ name: String) -> UnsafeMutableRawPointer? { dlsym(handle, prefix + "_" + name) }

  /// The prefix of the interface's names, read from the description in the file's bytes: nothing of
  /// a file that is not an artifact is run.
  private static func prefix(of path: String) throws(RuntimeError) -> String {
    let data: Data
    do {
      try System.checkReadable(path)
      data = try Data(contentsOf: URL(fileURLWithPath: path), options: .alwaysMapped)
    } catch FileError.system(_, _, let reason) {
      throw .loadFailed(path: path, reason: reason)
    } catch {
      throw .loadFailed(path: path, reason: error.localizedDescription)
    }
    guard let start = data.range(of: Data(ArtifactSource.descriptionStart.utf8)) else {
      throw .notAnArtifact(path: path, reason: "is not a compiled flow")
    }
    let name = String(decoding: data[start.upperBound...].prefix { $0 != 0x22 }, as: UTF8.self)
    guard ArtifactSource.isName(name) else {
      throw .notAnArtifact(path: path, reason: "is not a compiled flow")
    }
    return name
  }
}
