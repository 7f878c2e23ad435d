using System.Collections.Concurrent;
using Delos.Protocol.Tables;

namespace Delos.Tests.Histories;

/// <summary>
/// What applications did to two tables, and what they were told. One has registers, each written as a whole or upon a condition; the other has accounts, between which transactions move money. Every row says which write made it
/// what it is, by the write's own number: its <i>mark</i>. Threads record concurrently; <see cref="TableHistoryChecker"/> judges afterwards.
/// </summary>
public sealed class TableHistory
{
    private long _clock;

    public ConcurrentBag<RegisterRecord> Registers { get; } = [];

    public ConcurrentBag<TransferRecord> Transfers { get; } = [];

    public ConcurrentBag<AuditRecord> Audits { get; } = [];

    public ConcurrentBag<WatchRecord> Watches { get; } = [];

    /// <summary>A step of the logical clock that orders invocations and completions of this process.</summary>
    public long Now() => Interlocked.Increment(ref _clock);
}

/// <summary>What became of an operation on a register.</summary>
public enum RegisterDeed
{
    Read,
    Written,

    /// <summary>No answer came: it may take effect at any time since its call, or never.</summary>
    MayBeWritten,

    /// <summary>Its condition did not hold.</summary>
    Refused,

    /// <summary>It failed, for certain without effect.</summary>
    NotWritten,
}

/// <summary>One operation on one register.</summary>
/// <param name="Register">Its key.</param>
/// <param name="Invoked">Before the call.</param>
/// <param name="Completed">After it returned; null: the outcome is unknown.</param>
/// <param name="Deed">What, and how it ended.</param>
/// <param name="Mark">Of the write, or the one that was read.</param>
/// <param name="Version">The row's: as read, as written, or as it was when the condition did not hold.</param>
/// <param name="Former">Of a write: the version that it replaced, as answered.</param>
/// <param name="Expected">Of a conditional write: the version that the row must have; null: any.</param>
public sealed record RegisterRecord(long Register, long Invoked, long? Completed, RegisterDeed Deed, long Mark, RowVersion Version, RowVersion Former, RowVersion? Expected)
{
    public static RegisterRecord Read(long register, long invoked, long completed, long mark, RowVersion version) =>
        new(register, invoked, completed, RegisterDeed.Read, mark, version, RowVersion.None, null);

    public static RegisterRecord Written(long register, long invoked, long completed, long mark, OpResult result, RowVersion? expected = null) =>
        new(register, invoked, completed, RegisterDeed.Written, mark, result.Version, result.Former, expected);

    public static RegisterRecord Refused(long register, long invoked, long completed, long mark, RowVersion current, RowVersion? expected = null) =>
        new(register, invoked, completed, RegisterDeed.Refused, mark, current, RowVersion.None, expected);

    public static RegisterRecord MayBeWritten(long register, long invoked, long mark) =>
        new(register, invoked, null, RegisterDeed.MayBeWritten, mark, RowVersion.None, RowVersion.None, null);

    public static RegisterRecord NotWritten(long register, long invoked, long completed, long mark) =>
        new(register, invoked, completed, RegisterDeed.NotWritten, mark, RowVersion.None, RowVersion.None, null);
}

/// <summary>An account as a transaction or scan read it.</summary>
public readonly record struct AccountRead(long Account, long Balance, long Mark);

/// <summary>One attempt of a transaction that moves money between two accounts.</summary>
/// <param name="Mark">Its number, which both accounts have if it commits.</param>
/// <param name="From">Has less afterwards.</param>
/// <param name="To">Has more.</param>
/// <param name="Amount">So much.</param>
/// <param name="Seen">All that it read, before anything of it was written.</param>
/// <param name="Invoked">Before its first read.</param>
/// <param name="Completed">After it returned; null: the outcome is unknown.</param>
/// <param name="IsCommitted">As answered; null: not known.</param>
/// <param name="Version">At which it was committed, by the answer; null: that does not tell.</param>
public sealed record TransferRecord(long Mark, long From, long To, long Amount, IReadOnlyList<AccountRead> Seen, long Invoked, long? Completed, bool? IsCommitted, RowVersion? Version);

/// <summary>A scan of all accounts.</summary>
/// <param name="Invoked">Before the call.</param>
/// <param name="Completed">After its last page.</param>
/// <param name="Snapshot">Of which state, as answered.</param>
/// <param name="Seen">The rows.</param>
public sealed record AuditRecord(long Invoked, long Completed, RowVersion Snapshot, IReadOnlyList<AccountRead> Seen);

/// <summary>What one watch of a table showed, from the table's beginning on.</summary>
/// <param name="Name">Whose.</param>
/// <param name="IsOfAccounts">Else of registers.</param>
/// <param name="Changes">In the order in which it showed them.</param>
/// <param name="Through">It was waited for until it had shown what was done up to that version.</param>
public sealed record WatchRecord(string Name, bool IsOfAccounts, IReadOnlyList<ChangeRecord> Changes, RowVersion Through);

/// <summary>One change of a row.</summary>
/// <param name="Version">By which command.</param>
/// <param name="Kind">What happened; the two tables' rows are only ever put.</param>
/// <param name="Key">Of the row.</param>
/// <param name="Amount">An account's balance; a register's number.</param>
/// <param name="Mark">Of the write; 0: the row was made so.</param>
public readonly record struct ChangeRecord(RowVersion Version, ChangeKind Kind, long Key, long Amount, long Mark);

/// <summary>A row as it is in the end.</summary>
public readonly record struct RowRecord(RowVersion Version, long Key, long Amount, long Mark);
