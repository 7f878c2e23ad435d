namespace Delos.Client.MetaStore;

/// <summary>No majority of a register's acceptors could be reached in time; the message names them and what each answered. Appends to known segments are not affected.</summary>
public sealed class MetaStoreUnavailableException(string message, bool outcomeUnknown, Exception? inner = null) : Exception(message, inner)
{
    /// <summary>True if a write may have been, or may yet be, decided.</summary>
    public bool OutcomeUnknown { get; } = outcomeUnknown;
}
