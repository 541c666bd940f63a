-- Judges appends that share streams, messages or keys, each in the light of those accepted before it.
create function judge_in_order(
    p_appends integer,
    s_append integer[], s_slot integer[], s_expected bigint[], s_count integer[], heads bigint[],
    m_append integer[], m_slot integer[], messages_seen boolean[],
    k_append integer[], k_slot integer[], keys_seen boolean[]
) returns smallint[]
language plpgsql
immutable
as $$
declare
    outcomes smallint[] := array_fill(0::smallint, array[p_appends]);
    stream_heads bigint[] := '{}';
    message_slots boolean[] := '{}';
    key_slots boolean[] := '{}';
    s integer := 1;
    m integer := 1;
    k integer := 1;
    i integer;
    result smallint;
begin
    for i in 1 .. cardinality(s_slot) loop
        stream_heads[s_slot[i]] := heads[i];
    end loop;
    for i in 1 .. cardinality(m_slot) loop
        message_slots[m_slot[i]] := messages_seen[i];
    end loop;
    for i in 1 .. cardinality(k_slot) loop
        key_slots[k_slot[i]] := keys_seen[i];
    end loop;

    for a in 1 .. p_appends loop
        result := 0;
        i := s;
        while s_append[i] = a loop
            if stream_heads[s_slot[i]] <> s_expected[i] then
                result := 1;
            end if;
            i := i + 1;
        end loop;
        if k_append[k] = a and key_slots[k_slot[k]] then
            result := 3;
        end if;
        if m_append[m] = a and message_slots[m_slot[m]] then
            result := 2;
        end if;

        outcomes[a] := result;
        while s_append[s] = a loop
            if result = 0 then
                stream_heads[s_slot[s]] := s_expected[s] + s_count[s];
            end if;
            s := s + 1;
        end loop;
        if k_append[k] = a then
            if result = 0 then
                key_slots[k_slot[k]] := true;
            end if;
            k := k + 1;
        end if;
        if m_append[m] = a then
            if result = 0 then
                message_slots[m_slot[m]] := true;
            end if;
            m := m + 1;
        end if;
    end loop;
    return outcomes;
end
$$;
