using System.Buffers;

namespace Delos.Runtime;

/// <summary>What is known, and to be written, of a session, for as long as the commands of one entry are applied.</summary>
internal sealed class KeptSession(ulong id, SessionRecord record)
{
    private readonly SessionRecord _stored = record;

    // Of one page, what the store does not have yet.
    private readonly ArrayBufferWriter<byte> _answers = new();
    private ulong _page;
    private bool _isNewPage;

    public ulong Id => id;

    public SessionRecord Record { get; set; } = record;

    /// <summary>Keeps an answer that is not there yet.</summary>
    public void AddAnswer(IStoreTransaction store, ulong sequence, ReadOnlySpan<byte> answer)
    {
        var page = AnswerPage.PageOf(sequence);
        if (page != _page) WriteAnswers(store);

        // Beyond the highest command there is none yet: the store need not look for one.
        if (_answers.WrittenCount == 0) _isNewPage = page > AnswerPage.PageOf(Record.Highest);
        _page = page;
        AnswerPage.Encode(_answers, store, id, sequence, answer);
    }

    /// <summary>Writes the answers that were kept back.</summary>
    public void WriteAnswers(IStoreTransaction store)
    {
        if (_answers.WrittenCount == 0) return;
        AnswerPage.Add(store, id, _page, _answers.WrittenSpan, _isNewPage);
        _answers.ResetWrittenCount();
    }

    /// <summary>Writes them, and the record.</summary>
    public void Write(IStoreTransaction store)
    {
        WriteAnswers(store);
        if (Record != _stored) SessionTable.Save(store, id, Record);
    }
}
