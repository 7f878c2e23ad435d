using System.Buffers;
using System.Buffers.Binary;

namespace Delos.Runtime;

/// <summary>
/// The answers of a session's commands, as the store has them: so many numbers that follow each other share a value, since a key for each costs more than the answers. For each, in the order in which they were applied: u64 number,
/// i32 length, answer; length -1: the answer is long, and has a key of its own. A page goes as a whole, when its last answer is forgotten.
/// </summary>
internal static class AnswerPage
{
    /// <summary>Numbers of a page.</summary>
    private const ulong Numbers = 32;

    /// <summary>Longer ones would be copied with every command of their page.</summary>
    private const int LongestInPage = 256;

    private const int HeadSize = 12;

    /// <summary>Null: it is not there.</summary>
    /// <exception cref="LocalStoreException">The store holds something else.</exception>
    public static byte[]? Find(IStoreReader store, ulong session, ulong sequence)
    {
        var rest = Load(store, session, PageOf(sequence)).AsSpan();
        while (TryRead(ref rest, out var number, out var length, out var answer))
        {
            if (number != sequence) continue;
            return length >= 0 ? answer.ToArray() : store.Get(StoreSpace.Runtime, RuntimeKeys.LongAnswer(session, sequence)) ?? throw new LocalStoreException("A session's answer is missing in the store.");
        }

        return null;
    }

    /// <summary>Which of a session's pages has the answer to a command.</summary>
    public static ulong PageOf(ulong sequence) => sequence / Numbers;

    /// <summary>What a page gets for an answer that is not there yet; a long one goes to the store at once.</summary>
    public static void Encode(IBufferWriter<byte> page, IStoreTransaction store, ulong session, ulong sequence, ReadOnlySpan<byte> answer)
    {
        var isLong = answer.Length > LongestInPage;
        if (isLong) store.Put(StoreSpace.Runtime, RuntimeKeys.LongAnswer(session, sequence), answer);
        var size = HeadSize + (isLong ? 0 : answer.Length);
        var kept = page.GetSpan(size);
        BinaryPrimitives.WriteUInt64LittleEndian(kept, sequence);
        BinaryPrimitives.WriteInt32LittleEndian(kept[8..], isLong ? -1 : answer.Length);
        if (!isLong) answer.CopyTo(kept[HeadSize..]);
        page.Advance(size);
    }

    /// <summary>Adds to a page what was encoded for it; a new one is not there yet.</summary>
    public static void Add(IStoreTransaction store, ulong session, ulong page, ReadOnlySpan<byte> answers, bool isNew)
    {
        var key = RuntimeKeys.AnswerPage(session, page);
        if (isNew) store.Put(StoreSpace.Runtime, key, answers);
        else store.Append(StoreSpace.Runtime, key, answers);
    }

    /// <summary>The owner has the answers below a number: pages that have no others go.</summary>
    /// <param name="store">Where they are.</param>
    /// <param name="session">Whose.</param>
    /// <param name="before">What was kept so far.</param>
    /// <param name="floor">The lowest number whose answer is kept from now on.</param>
    public static void Forget(IStoreTransaction store, ulong session, in SessionRecord before, ulong floor)
    {
        // The highest is less than a window above the old floor, however far the new one is.
        for (var page = PageOf(before.Floor); page < PageOf(floor) && page <= PageOf(before.Highest); page++)
        {
            var rest = Load(store, session, page).AsSpan();
            if (rest.IsEmpty) continue;
            while (TryRead(ref rest, out var number, out var length, out _))
            {
                if (length < 0) store.Delete(StoreSpace.Runtime, RuntimeKeys.LongAnswer(session, number));
            }

            store.Delete(StoreSpace.Runtime, RuntimeKeys.AnswerPage(session, page));
        }
    }

    private static byte[] Load(IStoreReader store, ulong session, ulong page) => store.Get(StoreSpace.Runtime, RuntimeKeys.AnswerPage(session, page)) ?? [];

    private static bool TryRead(ref Span<byte> rest, out ulong number, out int length, out ReadOnlySpan<byte> answer)
    {
        number = 0;
        length = 0;
        answer = default;
        if (rest.IsEmpty) return false;
        if (rest.Length < HeadSize) throw Damaged();
        number = BinaryPrimitives.ReadUInt64LittleEndian(rest);
        length = BinaryPrimitives.ReadInt32LittleEndian(rest[8..]);
        if (length < -1 || length > rest.Length - HeadSize) throw Damaged();
        answer = rest.Slice(HeadSize, Math.Max(0, length));
        rest = rest[(HeadSize + answer.Length)..];
        return true;
    }

    private static LocalStoreException Damaged() => new("A session's answers in the store make no sense.");
}
