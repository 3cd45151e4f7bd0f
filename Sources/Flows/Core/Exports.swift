// The names that users of flows need, so that `import Flows` is the only import that they write.
@_exported import enum FlowCodegen.ArtifactFunction
@_exported import struct FlowCodegen.FunctionSignature
@_exported import enum FlowFiles.FileError
@_exported import struct FlowFiles.JSONError
@_exported import enum FlowFiles.JSONValue
@_exported import struct FlowFiles.RowFile
@_exported import struct FlowFiles.TableOptions
@_exported import enum FlowIR.DType
@_exported import struct FlowIR.Mask
@_exported import struct FlowPasses.OptimizedFunction
@_exported import class FlowRuntime.BoundFunction
@_exported import class FlowRuntime.CompiledFunction
@_exported import struct FlowRuntime.HostArray
@_exported import enum FlowRuntime.RuntimeError
@_exported import enum FlowRuntime.TargetCPU
