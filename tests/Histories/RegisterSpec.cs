namespace Delos.Tests.Histories;

/// <summary>A versioned register with conditional write, as the MetaStore has it: version 0 has no value, and whoever writes names the version that he replaces.</summary>
public sealed class RegisterSpec : ISequentialSpec<RegisterState, RegisterOperation>
{
    public RegisterState Initial { get; } = new(0, 0);

    public bool TryApply(RegisterState state, RegisterOperation operation, out RegisterState next)
    {
        next = state;
        switch (operation.Kind)
        {
            case RegisterOperationKind.Read or RegisterOperationKind.LostWrite:
                // A write that lost returns the winner: it is a read that saw another version than the expected one.
                return state == operation.Seen && (operation.Kind == RegisterOperationKind.Read || state.Version != operation.Expected);
            default:
                if (state.Version == operation.Expected) next = new RegisterState(state.Version + 1, operation.Written);
                return next != state || operation.Kind == RegisterOperationKind.UnknownWrite;
        }
    }
}

/// <param name="Version">Counts the writes.</param>
/// <param name="Value">What was written, or a hash of it.</param>
public readonly record struct RegisterState(ulong Version, ulong Value);

public enum RegisterOperationKind
{
    Read,
    WonWrite,
    LostWrite,
    UnknownWrite,
}

/// <param name="Kind">What, and how it ended.</param>
/// <param name="Expected">Of a write.</param>
/// <param name="Written">Of a write.</param>
/// <param name="Seen">Of a read, and of a write that lost.</param>
public sealed record RegisterOperation(RegisterOperationKind Kind, ulong Expected, ulong Written, RegisterState Seen)
{
    public static RegisterOperation Read(ulong version, ulong value) => new(RegisterOperationKind.Read, 0, 0, new RegisterState(version, value));

    public static RegisterOperation Won(ulong expected, ulong written) => new(RegisterOperationKind.WonWrite, expected, written, default);

    public static RegisterOperation Lost(ulong expected, ulong written, ulong seenVersion, ulong seenValue) =>
        new(RegisterOperationKind.LostWrite, expected, written, new RegisterState(seenVersion, seenValue));

    public static RegisterOperation Unknown(ulong expected, ulong written) => new(RegisterOperationKind.UnknownWrite, expected, written, default);

    public override string ToString() => Kind switch
    {
        RegisterOperationKind.Read => $"read v{Seen.Version} {Seen.Value:x}",
        RegisterOperationKind.WonWrite => $"wrote {Written:x} as v{Expected + 1}",
        RegisterOperationKind.LostWrite => $"lost {Written:x} for v{Expected + 1} to v{Seen.Version} {Seen.Value:x}",
        _ => $"may have written {Written:x} as v{Expected + 1}",
    };
}
